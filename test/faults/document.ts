/** `docs/reliability-matrix.md`: the results of the fault matrix. */
import { fillBlocks, markdownTable } from '../../tools/docs/markdown.ts';
import { cellText, type Result } from './cells.ts';
import { knownDefect } from './known-defects.ts';
import { COLUMNS } from './operations.ts';
import { STORE_MODES } from './store-cases.ts';

const MODES = STORE_MODES.map(({ name }) => name);

interface Section {
  /** The tables of `Result` that the section shows. */
  readonly table: string;
  readonly title: string;
  readonly firstColumn: string;
  readonly columns: readonly string[];
}

const SECTIONS: readonly Section[] = [
  { table: 'api', title: 'API failures', firstColumn: 'fault', columns: COLUMNS },
  { table: 'store', title: 'Storage failures during a run', firstColumn: 'operation', columns: MODES },
  {
    table: 'store, while a run fails',
    title: 'Storage failures while a failed run is reported',
    firstColumn: 'operation',
    columns: MODES,
  },
  {
    table: 'store, while a run reads on',
    title: 'Storage failures while the tail is exported',
    firstColumn: 'operation',
    columns: MODES,
  },
  {
    table: 'store, while a run begins again',
    title: 'Storage failures during a retry after drift',
    firstColumn: 'operation',
    columns: MODES,
  },
  {
    table: 'store, while a run that was held back is released',
    title: 'Storage failures while a quarantined run is published',
    firstColumn: 'operation',
    columns: MODES,
  },
  {
    table: 'killed',
    title: 'Processes killed with SIGKILL',
    firstColumn: 'operation',
    columns: ['before', 'in the middle of it', 'after'],
  },
  {
    table: 'catalog',
    title: 'AWS Glue failures',
    firstColumn: 'request',
    columns: MODES.filter((mode) => !/gone/.test(mode)),
  },
  {
    table: 'time-out',
    title: 'Function timeouts whose write takes effect later',
    firstColumn: 'late write',
    columns: ['nothing changed', 'the account changed meanwhile'],
  },
  {
    table: 'invocation',
    title: 'Functions that crash or are invoked twice',
    firstColumn: 'fault',
    columns: COLUMNS,
  },
  {
    table: 'budget',
    title: 'Failures with a record budget',
    firstColumn: 'operation',
    columns: ['fails once', 'answer lost once', 'killed before', 'killed after'],
  },
  {
    table: 'damage',
    title: 'Parts and receipts modified by somebody else',
    firstColumn: 'fault',
    columns: ['what happened'],
  },
  {
    table: 'source',
    title: 'Changing data and exhausted record budgets',
    firstColumn: 'situation',
    columns: ['what happened'],
  },
];

export interface Summary {
  readonly cases: number;
  readonly published: number;
  readonly resumed: number;
  readonly known: number;
  readonly broken: number;
}

export function summarize(results: readonly Result[]): Summary {
  const kept = results.filter(({ broken }) => broken === undefined);
  const published = kept.filter(({ text }) => text.startsWith('published')).length;
  const known = results.filter((result) => knownDefect(result) !== undefined).length;
  return {
    cases: results.length,
    published,
    resumed: kept.length - published,
    known,
    broken: results.length - kept.length - known,
  };
}

export function summaryLine({ cases, published, resumed, known, broken }: Summary): string {
  return `${cases} cases: ${published} published, ${resumed} failed or were killed and then resumed, ${known} known defects, ${broken} broken promises`;
}

/** The page with the results. */
export function withResults(page: string, results: readonly Result[]): string {
  const marked = results.map((result) => {
    const defect = knownDefect(result);
    return defect ? { ...result, text: `**known defect: ${defect.id}**` } : result;
  });
  const unknown = marked.find((result) => !SECTIONS.some(({ table }) => table === result.table));
  if (unknown) throw new Error(`No section for the table "${unknown.table}": add it to document.ts.`);
  const sections = SECTIONS.map(({ table, title, firstColumn, columns }) => {
    const own = inOrder(
      marked.filter((result) => result.table === table),
      columns,
    );
    return `## ${title}\n\n${own.length} cases.\n\n${tableOf(own, firstColumn, columns)}`;
  });
  const matrix = [`${summaryLine(summarize(results))}.`, ...sections].join('\n\n');
  return fillBlocks(page, { matrix }, 'npm run faults');
}

function tableOf(results: readonly Result[], firstColumn: string, columns: readonly string[]): string {
  const rows = [...Map.groupBy(results, ({ row }) => row)].map(([row, its]) => [
    row,
    ...columns.map((column) => cellText(its.filter((result) => result.column === column)) || '–'),
  ]);
  return markdownTable([firstColumn, ...columns], rows);
}

/** Sorts the rows by name where the columns are the steps of a run. */
function inOrder(results: readonly Result[], columns: readonly string[]): readonly Result[] {
  if (!columns.includes('plan')) return results;
  return results.toSorted((a, b) => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0));
}
