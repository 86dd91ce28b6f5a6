/** What `run` and `start` export: the flags both take, and the request they stand for. */
import { type Command, Option } from 'commander';
import { ExportFormatSchema } from '../../functions/model/export-format.ts';
import { ExportRequestSchema, MAX_PAGE_SIZE } from '../../functions/model/export-settings.ts';
import { parseOrThrow } from '../../functions/model/parse-input.ts';
import { integer } from './integer.ts';

export interface ExportFlags {
  dataset?: string;
  format?: string;
  pageSize?: number;
  filter?: string;
  start?: string;
  end?: string;
  window?: string;
  segmentationId?: string;
  segmentId?: string;
  attributeColumns?: string;
  maxRecords?: number;
  onDrift?: string;
  maxDropPercent?: number;
  overlap?: string;
  due?: string;
  dryRun?: boolean;
}

/** Adds the flags to a command. Without defaults, what is not given stays as configured. */
export function withExportFlags(command: Command, defaults: Pick<ExportFlags, 'format' | 'pageSize'> = {}): Command {
  const choice = (flags: string, description: string, choices: readonly string[]) =>
    new Option(flags, description).choices(choices);
  return command
    .addOption(choice('--format <format>', 'format of the parts', ExportFormatSchema.options).default(defaults.format))
    .option('--page-size <n>', 'accounts per page', integer('--page-size', 1, MAX_PAGE_SIZE), defaults.pageSize)
    .option('--filter <segment>', 'export only this segment (name or id)')
    .option('--start <time>', 'start of the statistics: epoch ms or ISO 8601')
    .option('--end <time>', 'end of the statistics: epoch ms or ISO 8601')
    .option('--window <duration>', 'statistics of the time before the run, such as P7D')
    .option('--segmentation-id <id>', 'segmentation to export')
    .option('--segment-id <id>', 'segment to export')
    .option('--attribute-columns <names>', 'attribute columns of CSV, comma-separated')
    .option('--max-records <n>', 'record budget: the run fails before it exceeds it', integer('--max-records', 1))
    .addOption(choice('--on-drift <policy>', 'if the data changes during the run', ['publish', 'fail', 'retry']))
    .option(
      '--max-drop-percent <n>',
      'quarantine the run if more than n % of accounts are gone',
      integer('--max-drop-percent', 0, 100),
    )
    .addOption(choice('--overlap <policy>', 'if another run of this export is running', ['skip', 'allow']))
    .option('--dry-run', 'plan only: count accounts and pages, estimate the cost');
}

/**
 * The flags as an ad-hoc request, in the form an execution of the state machine takes.
 * @throws ExportError `RequestError` that names every invalid value
 */
export function requestOf(exportName: string, flags: ExportFlags): Record<string, unknown> {
  const request = {
    exportName,
    datasetId: flags.dataset,
    format: flags.format,
    pageSize: flags.pageSize,
    filter: flags.filter,
    start: instant(flags.start),
    end: instant(flags.end),
    window: flags.window,
    segmentationId: flags.segmentationId,
    segmentId: flags.segmentId,
    attributeColumns: flags.attributeColumns?.split(',').map((column) => column.trim()),
    maxRecords: flags.maxRecords,
    onDrift: flags.onDrift,
    maxDropPercent: flags.maxDropPercent,
    overlap: flags.overlap,
    dueAt: instant(flags.due),
    dryRun: flags.dryRun,
  };
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  parseOrThrow(ExportRequestSchema, given, 'command line');
  return given;
}

function instant(text: string | undefined): string | number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
}
