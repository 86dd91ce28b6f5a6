/** What a fault hits: one operation of one step on one kind of object. */
import type { ObjectStore } from '../../functions/export/ports.ts';

/** The tasks of the workflow. */
export type Step = 'plan' | 'page' | 'publish' | 'report';
export type Verb = keyof Omit<ObjectStore, 'location'>;

export interface Operation {
  /** From 1, over the whole execution. */
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
  [/^work\/run_id=[^/]+\/not-before\.json$/, 'shared wait'],
  [/^work\/run_id=[^/]+\/manifest\.json$/, 'quarantined manifest'],
  [/^work\/run_id=[^/]+\/locks\//, 'lock of the run'],
  [/^work\/export_name=[^/]+\/locks\/running\//, 'lock of the export'],
  [/^work\/export_name=[^/]+\/locks\/scheduled\//, 'lock of the scheduled time'],
  [/^work\/export_name=[^/]+\/locks\/host\.json$/, 'host'],
  [/^export_runs\/.*manifest\.json$/, 'manifest'],
  [/^accounts_[a-z]+\/.*run_id=[^/]+\//, 'part'],
  [/^accounts_[a-z]+\//, 'earlier runs'],
];

/** `put part`, `list receipt` */
export function operationName({ verb, key }: Pick<Operation, 'verb' | 'key'>): string {
  const object = OBJECTS.find(([pattern]) => pattern.test(key))?.[1] ?? key;
  return `${verb === 'listFolders' ? 'list' : verb} ${object}`;
}

/** The columns of the matrix: the parts of a run. */
export const COLUMNS = [
  'plan',
  'export page',
  'publish: verify',
  'publish: manifest',
  'publish: catalog',
  'report failure',
];

export const STEP_COLUMNS: Readonly<Record<Step, string>> = {
  plan: 'plan',
  page: 'export page',
  publish: 'publish: verify',
  report: 'report failure',
};

/** The steps that send requests to the API. */
export const API_STEPS = ['plan', 'page', 'publish'] as const;

/** `export page: put part`: the row of an operation. */
export function rowOf(operation: Operation): string {
  const name = operationName(operation);
  return `${name === 'put manifest' ? 'publish: manifest' : STEP_COLUMNS[operation.step]}: ${name}`;
}

/** Whether an operation has an effect, so that its answer can be lost afterwards. */
export function isWrite(verb: Verb): boolean {
  return verb === 'put' || verb === 'delete';
}
