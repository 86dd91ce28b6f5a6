/** `docs/reliability-matrix.md`: the results of the fault matrix. */
import { fillBlocks, markdownTable } from '../../tools/docs/markdown.ts';
import { cellText, ONLY_COLUMN, type Result } from './cells.ts';
import { MOMENTS } from './killed-cases.ts';
import { COLUMNS } from './operations.ts';
import { STORE_MODES } from './store-cases.ts';

const MODES = STORE_MODES.map(({ name }) => name);

/** A table of `Result`, and how the page shows it. */
type Section = readonly [table: string, title: string, firstColumn: string, columns: readonly string[]];

const SECTIONS: readonly Section[] = [
  ['api', 'API failures', 'fault', COLUMNS],
  ['store', 'Storage failures during a run', 'operation', MODES],
  ['store, failing run', 'Storage failures while a failed run is reported', 'operation', MODES],
  ['store, tail', 'Storage failures while the tail is exported', 'operation', MODES],
  ['store, retry after drift', 'Storage failures during a retry after drift', 'operation', MODES],
  ['store, quarantined run', 'Storage failures while a quarantined run is published', 'operation', MODES],
  ['killed', 'Processes killed with SIGKILL', 'operation', MOMENTS],
  ['catalog', 'AWS Glue failures', 'request', MODES.filter((mode) => !mode.startsWith('all storage'))],
  [
    'timeout',
    'Function timeouts whose write takes effect later',
    'write and moment',
    ['nothing changed', 'an account changed'],
  ],
  ['invocation', 'Functions that crash or are invoked twice', 'fault', COLUMNS],
  ['budget', 'Storage failures with a record budget', 'operation', MODES.filter((mode) => !/from now on$/.test(mode))],
  ['budget, API failure', 'API failures with a record budget', 'fault', COLUMNS],
  [
    'budget, repeated kills',
    'Runs with a record budget that are killed four times',
    'operation',
    ['same budget', 'larger budget each time'],
  ],
  ['budget, situation', 'Exhausted record budgets', 'situation', [ONLY_COLUMN]],
  ['damage', 'Parts and receipts modified before publishing', 'modification', [ONLY_COLUMN]],
  ['drift', 'Changing data', 'situation', [ONLY_COLUMN]],
  ['restart, running', 'Runs that are started again while they run', 'start', COLUMNS],
  [
    'restart, published',
    'Published runs that are modified and started again',
    'modification',
    ['started again', 'resumed', 'published again', 'late attempt at a page'],
  ],
  [
    'restart, quarantined',
    'Quarantined runs that are resumed, killed, and published',
    'operation',
    ['killed before', 'killed after'],
  ],
];

/** `1319 cases: 414 published, …` */
export function summaryOf(results: readonly Result[]): string {
  const broken = results.filter((result) => result.broken !== undefined).length;
  const published = results.filter(({ text }) => text.startsWith('published')).length;
  const resumed = results.length - published - broken;
  return `${results.length} cases: ${published} published, ${resumed} failed or were killed and then resumed, ${broken} broken guarantees`;
}

/** The page with the results. */
export function withResults(page: string, results: readonly Result[]): string {
  const unknown = results.find((result) => !SECTIONS.some(([table]) => table === result.table));
  if (unknown) throw new Error(`No section for the table "${unknown.table}": add it to document.ts.`);
  const sections = SECTIONS.map(([table, title, firstColumn, columns]) => {
    const own = results.filter((result) => result.table === table);
    return `## ${title}\n\n${own.length} cases.\n\n${tableOf(own, firstColumn, columns)}`;
  });
  const matrix = [`${summaryOf(results)}.`, ...sections].join('\n\n');
  return fillBlocks(page, { matrix }, 'npm run faults');
}

function tableOf(results: readonly Result[], firstColumn: string, columns: readonly string[]): string {
  const rows = [...Map.groupBy(results, ({ row }) => row)].map(([row, its]) => [
    row,
    ...columns.map((column) => cellText(its.filter((result) => result.column === column)) || '–'),
  ]);
  return markdownTable([firstColumn, ...columns], rows);
}
