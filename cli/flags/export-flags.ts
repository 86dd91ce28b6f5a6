/** What `run` and `start` export: the flags both take, and the request they stand for. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { COMPRESSIONS, EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { ExportRequestSchema, MAX_PAGE_SIZE } from '../../functions/model/export-settings.ts';
import { problemsOf } from '../../functions/model/parse-input.ts';
import { integer } from './common-flags.ts';

export interface ExportFlags {
  dataset?: string;
  /** Of the export: `--name` of `run`, the argument of `start`. */
  name?: string;
  start?: string;
  end?: string;
  attributeColumns?: readonly string[];
  due?: string;
  // All others have the names of their settings.
}

const choice = (flags: string, description: string, choices: readonly string[]) =>
  new Option(flags, description).choices(choices);

/** Adds the flags to a command. They have no defaults: what is not given stays as configured. */
export function withExportFlags(command: Command): Command {
  return withSelectionFlags(command)
    .addOption(choice('--compression <name>', 'compression of JSON and CSV parts', COMPRESSIONS))
    .option('--max-records <n>', 'record budget: the run fails before it exceeds it', integer(1))
    .addOption(choice('--on-drift <policy>', 'if the data changes during the run', ['publish', 'fail', 'retry']))
    .addOption(choice('--boundary-checks <which>', 'page boundaries to check before publishing', ['sample', 'all']))
    .option('--max-drop-percent <n>', 'quarantine the run if more than n% of accounts are gone', integer(0, 100))
    .addOption(choice('--overlap <policy>', 'if another run of this export is running', ['skip', 'allow']))
    .option('--dry-run', 'plan only: count accounts and pages, estimate the cost');
}

/** Adds the flags that say which accounts are requested, and in which form. */
export function withSelectionFlags(command: Command): Command {
  return command
    .addOption(choice('--format <format>', 'format of the parts', EXPORT_FORMATS))
    .option('--page-size <n>', 'accounts per page', integer(1, MAX_PAGE_SIZE))
    .option('--filter <segment>', 'export only this segment (name or id)')
    .option('--start <time>', 'start of the statistics: epoch ms or ISO 8601')
    .option('--end <time>', 'end of the statistics: epoch ms or ISO 8601')
    .option('--window <duration>', 'statistics of the time before the run, such as P7D')
    .option('--segmentation-id <id>', 'segmentation to export')
    .option('--segment-id <id>', 'segment to export')
    .option(
      '--attribute-columns <names>',
      'attribute columns of CSV, comma-separated; a name with a comma in double quotes; repeatable',
      attributeNames,
    );
}

const KEYS = Object.keys(ExportRequestSchema.shape);
/** Keys whose flag has another name. */
const RENAMED: Readonly<Record<string, string>> = {
  exportName: '--name',
  datasetId: '--dataset',
  dueAt: '--due',
  accountName: '--account',
};

/** A name in double quotes, which are doubled within it, or without; then a comma or the end. */
const NAME = /\s*(?:"((?:[^"]|"")*)"\s*|(?!\s*")([^,]*))(?:,|$)/gy;

/** Names as a line of CSV, after those of the flags before. */
function attributeNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = [...before];
  for (const [match, quoted, plain = ''] of text.matchAll(NAME)) {
    names.push(quoted?.replaceAll('""', '"') ?? plain.trim());
    if (!match.endsWith(',')) return names;
  }
  throw new InvalidArgumentError('Close the double quotes, as in \'name,"city, state"\'.');
}

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
    .replace(
      /(, )?\baccountName and instance\b/g,
      (_, comma = '') => `${comma && !host.includes(' and ') ? ' and ' : comma}${host}`,
    )
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

/** `--page-size` of `pageSize` */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function instant(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}
