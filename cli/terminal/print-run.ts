/** The lines about a run that `run` and the commands for the deployed state machine share. At most 80 columns, except paths. */

import { isKeptAsSent } from '../../functions/formats/adapt-account.ts';
import type { PlanFigures, PublishResult, RunEstimate } from '../../functions/model/outcomes.ts';
import type { Usage } from '../../functions/model/usage.ts';
import { shortened } from './display-width.ts';
import { bytes, count, counted, duration, money, wrapped } from './format.ts';
import type { Output } from './terminal.ts';

const COLUMNS = 80;
/** Of lines without a label. */
const INDENT = 11;

export interface PlanSummary {
  readonly accounts: number;
  readonly pages: number;
  readonly pageSize: number;
  readonly plan: PlanFigures;
}

export function printPlan({ note }: Pick<Output, 'note'>, { accounts, pages, pageSize, plan }: PlanSummary): void {
  note(`Planned    ${counted(accounts, 'account')} in ${counted(pages, 'page')} of ${count(pageSize)}`);
  if (plan.resumed) {
    note('           resumed: finished pages are not fetched again');
    return;
  }
  note(
    `           counted with ${counted(plan.apiRequests, 'request')} in ${counted(plan.rounds, 'round')} (${counted(plan.recordsFetched, 'record')})`,
  );
  if (plan.countedBy === 'pages') note('           by whole pages: page numbers are not offsets in this API');
  if (accounts === 0) note('Warning    there is no account: check the dataset, and the segment if you set one');
}

/** Where a run is executed: on this machine it costs nothing on AWS, and flags configure it. */
export type Execution = 'deployed' | 'local';

export function printEstimate({ out }: Pick<Output, 'out'>, estimate: RunEstimate, execution: Execution): void {
  const { apiRequests, recordsFetched, maxRecordsNeeded, seconds, secondsFrom, usd } = estimate;
  out('Dry run    nothing was exported; the estimate for a run, with checks:');
  out(`           ${counted(apiRequests, 'request')}, ${counted(recordsFetched, 'record')} of the contract`);
  out(`           --max-records of at least ${count(maxRecordsNeeded)}, if set`);
  out(
    `           about ${duration(seconds)} (measured in ${secondsFrom === 'probes' ? 'the probes' : 'the last run'})`,
  );
  if (execution === 'deployed') out(`           ${money(usd)} on AWS, without storage and queries`);
}

type Published = Pick<
  PublishResult,
  'accounts' | 'distinctAccounts' | 'seconds' | 'bytes' | 'verdict' | 'unmappedColumns' | 'runId' | 'parts' | 'manifest'
> &
  // Older deployments report none of these.
  Partial<Pick<PublishResult, 'format' | 'recordsFetched' | 'apiRequests' | 'retries' | 'vanishedFields'>> & {
    /** Whether the run was started before: then its time includes the pause, and its retries what was interrupted. */
    readonly resumed?: boolean;
  };

export function printPublished({ out }: Pick<Output, 'out'>, result: Published, execution: Execution): void {
  const accounts = counted(result.accounts, 'account');
  if (result.resumed) {
    out(`Published  ${accounts}, ${bytes(result.bytes)}`);
    out(`           ${duration(result.seconds)} after the first start, including the pause`);
  } else {
    out(`Published  ${accounts} in ${result.seconds} s, ${bytes(result.bytes)}`);
  }
  for (const line of VERDICTS[result.verdict]) out(`           ${line}`);
  const duplicates = result.accounts - result.distinctAccounts;
  if (duplicates > 0) out(`           ${counted(duplicates, 'duplicate')}: the later record is current`);
  printUsage(out, result);
  printUnmapped(out, result, execution);
  printVanished(out, result.vanishedFields ?? []);
  out(`  run      ${result.runId}`);
  out(`  parts    ${result.parts}`);
  out(`  manifest ${result.manifest}`);
}

/** Fields that the table lacks, and apart from them, where the part has a value twice: as the column has it, and as sent. */
function printUnmapped(out: Output['out'], { unmappedColumns, format }: Published, execution: Execution): void {
  const named = (columns: readonly string[]) => {
    for (const line of wrapped(
      columns.map((name) => quotedName(shortened(name, NAME_WIDTH))),
      ', ',
      COLUMNS - INDENT,
    ))
      out(`           ${line}`);
  };
  const kept = unmappedColumns.filter(isKeptAsSent);
  const unknown = unmappedColumns.filter((column) => !isKeptAsSent(column));
  if (unknown.length > 0) {
    const isCsv = format === 'csv';
    out(`Warning    the table has no column for these fields; the parts contain them${isCsv ? '' : ':'}`);
    const columns = execution === 'deployed' ? 'attributeColumns in cdk.json' : '--attribute-columns';
    if (isCsv) out(`           (to query them, append them to ${columns}):`);
    named(unknown);
  }
  if (kept.length > 0) {
    out('Note       some values do not fit their column, or were converted to fit; the');
    out('           parts also contain them as sent ("Odd values" in docs/athena.md):');
    named(kept);
  }
}

/** A field that vanished is usually an attribute that was renamed or lost at its source. */
export function printVanished(print: (line: string) => void, fields: readonly string[]): void {
  if (fields.length === 0) return;
  print('Warning    no account has these fields now; in the last published run, some did:');
  for (const field of fields.slice(0, MAX_VANISHED)) print(`           ${shortened(field, COLUMNS - INDENT)}`);
  const more = fields.length - MAX_VANISHED;
  if (more > 0) print(`           and ${fields.length < MAX_NAMED ? '' : 'at least '}${more} more`);
}

/** Lines of the warning. */
const MAX_VANISHED = 10;
/** The result of a run names this many. */
const MAX_NAMED = 50;
/** Columns of a name in a list. */
const NAME_WIDTH = 60;

/** What the contract counts: records that are no accounts of the run were fetched to count, to check, or again. */
function printUsage(out: Output['out'], { accounts, recordsFetched, apiRequests, retries, resumed }: Published): void {
  if (recordsFetched === undefined || apiRequests === undefined || retries === undefined) return;
  const repeated = resumed ? 'retried or interrupted' : retries === 1 ? 'retry' : 'retries';
  const requests = `(${counted(apiRequests, 'request')}, ${count(retries)} ${repeated})`;
  const records = `Contract   ${counted(recordsFetched, 'record')} used`;
  const more = recordsFetched - accounts;
  if (more <= 0) {
    out(`${records} ${requests}`);
  } else {
    out(`${records}: ${counted(accounts, 'account')}, and ${count(more)} more`);
    out(`           for probes and retries ${requests}`);
  }
}

/** What the contract has counted of a run that was not published. Which of its requests were retries, only the end shows. */
export function printUsageSoFar({ note }: Pick<Output, 'note'>, { recordsFetched, apiRequests }: Usage): void {
  if (recordsFetched === 0) return;
  note(`Contract   ${counted(recordsFetched, 'record')} used so far (${counted(apiRequests, 'request')})`);
}

/** As `--attribute-columns` takes it. */
function quotedName(name: string): string {
  return /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}

const VERDICTS = {
  consistent: ['consistent: every check passed'],
  drifted: [
    'drifted: the data changed during the run, so accounts may be missing',
    'or duplicated; run it again, or use --on-drift retry',
  ],
  unverified: ['unverified: page boundaries could not be checked, because', 'page numbers are not offsets in this API'],
} as const;
