/** What a fault can strike: one operation of one step on one kind of object. */
import type { ObjectStore } from '../../functions/export/ports.ts';

/** The tasks of the workflow. */
export type Step = 'plan' | 'page' | 'publish' | 'report';
export type Verb = keyof Omit<ObjectStore, 'location'>;

export interface Operation {
  /** From 1, over the whole run. */
  readonly nth: number;
  readonly step: Step;
  readonly verb: Verb;
  readonly key: string;
}

const OBJECTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^work\/run_id=[^/]+\/plan\.json$/, 'plan'],
  [/^work\/run_id=[^/]+\/receipts\//, 'receipt'],
  [/^work\/run_id=[^/]+\/failures\//, 'failure'],
  [/^work\/run_id=[^/]+\/tickets\//, 'ticket'],
  [/^work\/run_id=[^/]+\/manifest\.json$/, 'quarantined manifest'],
  [/^work\/run_id=[^/]+\/locks\//, 'lock of the run'],
  [/^work\/export_name=[^/]+\/locks\/running\//, 'lock of the export'],
  [/^work\/export_name=[^/]+\/locks\/scheduled\//, 'lock of the scheduled time'],
  [/^work\/export_name=[^/]+\/locks\/host\.json$/, 'host'],
  [/^export_runs\/.*manifest\.json$/, 'manifest'],
  [/^accounts_[a-z]+\/.*run_id=[^/]+\//, 'part'],
  [/^accounts_[a-z]+\//, 'earlier runs'],
];

/** What people call what the port has several words for. */
const WORDS: Partial<Record<Verb, string>> = { listFolders: 'list' };

/** `put part`, `list receipt`: what people read in the table. */
export function operationName({ verb, key }: Pick<Operation, 'verb' | 'key'>): string {
  const object = OBJECTS.find(([pattern]) => pattern.test(key))?.[1] ?? key;
  return `${WORDS[verb] ?? verb} ${object}`;
}

/** The columns of the matrix: where in a run something happened. */
export const COLUMNS = [
  'plan',
  'export page',
  'publish: verify',
  'publish: manifest',
  'publish: catalog',
  'report failure',
] as const;
export type Column = (typeof COLUMNS)[number];

const STEP_COLUMNS: Record<Step, Column> = {
  plan: 'plan',
  page: 'export page',
  publish: 'publish: verify',
  report: 'report failure',
};

export function columnOf(operation: Operation): Column {
  return operationName(operation) === 'put manifest' ? 'publish: manifest' : STEP_COLUMNS[operation.step];
}

/** Whether an operation changes what lies in the store: only then can its answer be lost after its effect. */
export function isWrite(verb: Verb): boolean {
  return ['put', 'delete'].includes(verb);
}
