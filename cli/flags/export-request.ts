/** The request that the flags of `run` and `start` stand for, and messages in terms of flags. */
import { ExportError } from '../../functions/model/errors.ts';
import { ExportRequestSchema } from '../../functions/model/export-settings.ts';
import { problemsOf } from '../../functions/model/parse-input.ts';
import type { ExportFlags } from './export-flags.ts';

const KEYS = Object.keys(ExportRequestSchema.shape);
/** Keys whose flag has another name. */
const RENAMED: Readonly<Record<string, string>> = {
  exportName: '--name',
  datasetId: '--dataset',
  dueAt: '--due',
  accountName: '--account',
};

/**
 * The flags as an ad-hoc request, in the form an execution of the state machine takes.
 * @param exportName what the user calls the name of the export
 * @throws ExportError `RequestError` that names every invalid flag
 */
export function requestOf(flags: ExportFlags, exportName = '--name'): Record<string, unknown> {
  const request: Record<string, unknown> = {
    ...flags,
    exportName: flags.name,
    datasetId: flags.dataset,
    start: instant(flags.start),
    end: instant(flags.end),
    dueAt: instant(flags.due),
  };
  const given = Object.fromEntries(KEYS.map((key) => [key, request[key]]).filter(([, value]) => value !== undefined));
  const { error } = ExportRequestSchema.safeParse(given);
  if (!error) return given;
  const problems = problemsOf(error.issues, given, (text) => nameFlags(text, KEYS, { exportName }));
  throw new ExportError('RequestError', `Invalid command line: ${problems}.`);
}

/**
 * A message about a run on this machine, with flags in place of keys: `start a new run with --page-size 250`, not `pageSize`.
 * @param host the flags that name the host of the API
 */
export function withFlagNames(message: string, host = '--account and --instance'): string {
  // Keys such as `start` are also words: they are keys in a list of parameters.
  const parameters = message
    .replace(/\baccountName and instance\b/g, host)
    .replace(/(\bparameters \()([^)]*)/g, (_, start: string, list: string) => {
      return start + list.replaceAll(KEY_IN_LIST, (key) => nameFlags(key, KEYS));
    });
  return nameFlags(parameters, [...CAMEL_CASE, 'accountName']);
}

const CAMEL_CASE = KEYS.filter((key) => /[A-Z]/.test(key));
/** `(pageSize, filter)` and `(start was 1, now 2; filter differs)` */
const KEY_IN_LIST = new RegExp(`(?<=^|[,;] )(?:${KEYS.join('|')})(?=$|,| was | differs)`, 'g');

/**
 * A message about a deployed run, whose keys are in `cdk.json`, with the flags that were typed in place of theirs.
 * @param flags what commander parsed
 */
export function withTypedFlags(message: string, flags: object): string {
  return nameFlags(
    message,
    CAMEL_CASE.filter((key) => (flags as Readonly<Record<string, unknown>>)[key] !== undefined),
  );
}

function nameFlags(text: string, keys: readonly string[], renamed: Readonly<Record<string, string>> = {}): string {
  if (keys.length === 0) return text;
  const names = { ...RENAMED, ...renamed };
  // Not within a name that a message already has, such as `--pageSize`.
  return text.replaceAll(new RegExp(`(?<![-\\w])(?:${keys.join('|')})\\b`, 'g'), (key) => names[key] ?? flagOf(key));
}

function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function instant(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}
