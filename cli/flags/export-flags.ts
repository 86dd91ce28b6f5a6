/** What `run` and `start` export: the flags that both take. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'csv-parse/sync';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { MAX_PAGE_SIZE } from '../../functions/model/export-limits.ts';
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

/** Adds the flags to a command. Without defaults, what is not given stays as configured. */
export function withExportFlags(command: Command, defaults: { format?: string; pageSize?: number } = {}): Command {
  const choice = (flags: string, description: string, choices: readonly string[]) =>
    new Option(flags, description).choices(choices);
  return command
    .addOption(choice('--format <format>', 'format of the parts', EXPORT_FORMATS).default(defaults.format))
    .option('--page-size <n>', 'accounts per page', integer(1, MAX_PAGE_SIZE), defaults.pageSize)
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
    )
    .option('--max-records <n>', 'record budget: the run fails before it exceeds it', integer(1))
    .addOption(choice('--on-drift <policy>', 'if the data changes during the run', ['publish', 'fail', 'retry']))
    .option('--max-drop-percent <n>', 'quarantine the run if more than n % of accounts are gone', integer(0, 100))
    .addOption(choice('--overlap <policy>', 'if another run of this export is running', ['skip', 'allow']))
    .option('--dry-run', 'plan only: count accounts and pages, estimate the cost');
}

/** Names as a line of CSV, after those of the flags before. */
function attributeNames(text: string, before: readonly string[] = []): readonly string[] {
  try {
    // An argument has no such character, so it is one line.
    const [names = ['']] = parse(text, { trim: true, relax_quotes: true, record_delimiter: '\0' }) as string[][];
    return [...before, ...names];
  } catch {
    throw new InvalidArgumentError('Close the double quotes, as in \'name,"city, state"\'.');
  }
}
