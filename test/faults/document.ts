/** The generated part of `docs/reliability.md`. */
import { markdownTable, type Result } from './cells.ts';
import { knownDefect } from './known-defects.ts';
import { COLUMNS } from './operations.ts';
import { STORE_MODES } from './store-cases.ts';

const MODES = STORE_MODES.map(({ name }) => name);

const TABLES: readonly (readonly [table: string, title: string, first: string, columns: readonly string[]])[] = [
  ['api', 'The API in trouble', 'what the API does', COLUMNS],
  ['store', 'The object store in trouble, at every operation', 'operation', MODES],
  ['store, while a run fails', 'The same while a run fails and is reported', 'operation', MODES],
  ['store, while a run reads on', 'The same while publishing reads on behind the last page', 'operation', MODES],
  ['store, while a run begins again', 'The same while a run begins again because it drifted', 'operation', MODES],
  [
    'store, while a run that was held back is released',
    'The same while a run that was held back is released',
    'operation',
    MODES,
  ],
  ['killed', 'Processes killed with SIGKILL', 'operation', ['before', 'in the middle of it', 'after']],
  ['catalog', 'AWS Glue in trouble, at every request', 'request', MODES.filter((mode) => !/gone/.test(mode))],
  [
    'time-out',
    'A function that runs out of time while it writes, and whose write lands later',
    'the abandoned write',
    ['nothing changed', 'the account changed meanwhile'],
  ],
  ['invocation', 'Functions that are invoked twice, or die', 'the function', COLUMNS],
  [
    'budget',
    'A record budget, with trouble at every operation',
    'operation',
    ['fails once', 'answer lost once', 'killed before', 'killed after'],
  ],
  ['damage', 'What a run wrote, changed by somebody else before it is proven', 'what happens', ['what happened']],
  ['source', 'Sources that move or shrink, budgets that end', 'what happens', ['what happened']],
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
  return `${cases} cases: ${published} published, ${resumed} failed or killed and then complete, ${known} known defects, ${broken} broken`;
}

/** Markdown: the summary, then one table for each kind of fault. */
export function document(results: readonly Result[]): string {
  const marked = results.map((result) => {
    const defect = knownDefect(result);
    return defect ? { ...result, text: `**known defect: ${defect.id}**` } : result;
  });
  const tables = TABLES.map(([table, title, first, columns]) => {
    const own = marked.filter((result) => result.table === table);
    if (own.length === 0) return undefined;
    const text = markdownTable(inOrder(own, columns), first, columns);
    return `### ${title}\n\n${own.length} cases.\n\n${text}`;
  });
  return [`${summaryLine(summarize(results))}.`, ...tables.filter((text) => text !== undefined)].join('\n\n');
}

/** Rows as a run comes by them, not as a list of cases happens to name them first. */
function inOrder(results: readonly Result[], columns: readonly string[]): readonly Result[] {
  if (!columns.includes('plan')) return results;
  return results.toSorted((a, b) => (a.row < b.row ? -1 : a.row > b.row ? 1 : 0));
}
