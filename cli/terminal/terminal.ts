/** How the command line speaks: plain lines of at most 80 columns where the content allows it. */
import { SingleBar } from 'cli-progress';
import type { DryRunResult, PlanResult, PublishResult } from '../../functions/model/outcomes.ts';

export interface Output {
  /** For results. */
  readonly out: (line: string) => void;
  /** For what accompanies them. */
  readonly note: (line: string) => void;
}

export function terminalOutput({ quiet, json }: { quiet: boolean; json: boolean }): Output {
  const stdout = (line: string) => void process.stdout.write(`${line}\n`);
  const stderr = (line: string) => void process.stderr.write(`${line}\n`);
  const silent = () => undefined;
  if (quiet) return { out: json ? stdout : silent, note: silent };
  return { out: stdout, note: json ? stderr : stdout };
}

/** `12,431` */
export function count(value: number): string {
  return NUMBERS.format(value);
}

const NUMBERS = new Intl.NumberFormat('en-US');

/** `12,431 accounts`, `1 account` */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `1.2 MB`; powers of ten, as S3 bills. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let amount = value;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return unit === 0 ? `${amount} B` : `${amount.toFixed(1)} ${units[unit]}`;
}

export function printPlan(
  { note }: Output,
  { accounts, pages, pageSize, plan }: Pick<PlanResult, 'accounts' | 'pages' | 'pageSize' | 'plan'>,
): void {
  note(`Planned    ${counted(accounts, 'account')} in ${counted(pages, 'page')} of ${count(pageSize)}`);
  if (plan.resumed) {
    note('           taken up from before: finished pages are not fetched again');
  } else {
    const way = plan.countedBy === 'offsets' ? 'counted by' : 'page numbers are no offsets here: counted whole pages,';
    note(
      `           ${way} ${counted(plan.apiRequests, 'request')} in ${counted(plan.rounds, 'round')}, ${counted(plan.recordsFetched, 'record')}`,
    );
  }
}

export function printExpected({ out }: Output, { expected }: DryRunResult): void {
  const { apiRequests, recordsFetched, maxRecordsNeeded, seconds, secondsFrom, usd } = expected;
  out('Dry run    nothing was exported; a run would take');
  out(`           ${counted(apiRequests, 'request')} and ${counted(recordsFetched, 'record')} of the contract,`);
  out(`           at least ${count(maxRecordsNeeded)} as its --max-records, if it has one,`);
  out(`           some ${duration(seconds)} (by the ${secondsFrom === 'probes' ? "probes' time" : 'last run'}),`);
  out(`           ${money(usd)} on AWS, without storage and queries`);
}

/** `42 s`, `3 min`, `1 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function money(usd: number): string {
  return `${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)} USD`;
}

export function printPublished({ out }: Output, result: PublishResult): void {
  out(
    `Published  ${counted(result.accounts, 'account')} in ${result.seconds} s, ${bytes(result.bytes)}, ${VERDICTS[result.verdict]}`,
  );
  const duplicates = result.accounts - result.distinctAccounts;
  if (duplicates > 0)
    out(`           ${counted(duplicates, 'account')} came twice: the later record is the current one`);
  if (result.unmappedColumns.length > 0) {
    out('Warning    the table has no column for these fields; the parts keep them:');
    out(`           ${result.unmappedColumns.join(', ')}`);
  }
  out(`  run      ${result.runId}`);
  out(`  parts    ${result.parts}`);
  out(`  manifest ${result.manifest}`);
}

const VERDICTS = {
  consistent: 'consistent: every check passed',
  drifted: 'drifted: the data changed during the run',
  unverified: 'unverified: page boundaries could not be checked',
} as const;

/** Pages done, on a terminal; nothing elsewhere. */
export interface Progress {
  /** @param sinceMs epoch ms; when the first page was begun, for a run that others began. @default when it was made */
  start(pages: number, sinceMs?: number): void;
  page(accounts: number): void;
  /** So many pages and accounts are done in all. */
  reach(pages: number, accounts: number): void;
  stop(): void;
}

export function pageProgress({ visible }: { visible: boolean }): Progress {
  if (!visible) {
    return { start: () => undefined, page: () => undefined, reach: () => undefined, stop: () => undefined };
  }
  let accounts = 0;
  let startedAt = Date.now();
  const bar = new SingleBar({
    format: 'Exporting  {bar} {value}/{total} pages, {accounts} accounts, {speed}/s',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr,
    linewrap: false,
  });
  const payload = () => ({
    accounts: count(accounts),
    speed: count(Math.round((accounts * 1000) / Math.max(1, Date.now() - startedAt))),
  });
  return {
    start(pages, sinceMs = startedAt) {
      // An export that is made once more begins with no account.
      accounts = 0;
      // Whoever began it may have a clock that is ahead of this one.
      startedAt = Math.min(sinceMs, Date.now());
      bar.start(pages, 0, payload());
    },
    page(more) {
      accounts += more;
      bar.increment(1, payload());
    },
    reach(pages, all) {
      accounts = all;
      bar.update(pages, payload());
    },
    stop: () => bar.stop(),
  };
}
