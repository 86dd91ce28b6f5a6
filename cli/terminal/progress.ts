/** What a run is doing, as a live line: `run`, `publish --out`, and a followed run show the same phases. */
import type { Activity } from '../../functions/export/ports.ts';
import { count, counted } from './format.ts';
import { liveLine } from './live-line.ts';
import type { OutputFlags, Stream, Terminal } from './terminal.ts';

export interface Progress {
  /** Streams for everything else that is printed meanwhile. */
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** The accounts are being counted. */
  planning(): void;
  /** @param sinceMs epoch ms at which the first page started. @default now */
  exporting(pages: number, sinceMs?: number): void;
  /** A page is done. */
  page(accounts: number): void;
  /** Sets how many pages and accounts are done in all. */
  reach(pages: number, accounts: number): void;
  /** All pages are done. */
  publishing(): void;
  /** Receives what a run on this machine does. It changes the phase, too, because a run can be planned again. */
  readonly observe: (activity: Activity) => void;
  stop(): void;
}

type Check = Extract<Activity, { activity: 'checking' }>;
type Wait = Extract<Activity, { activity: 'waiting' }> & { readonly untilMs: number };

/** A live line on a terminal; nothing elsewhere or with `--quiet`. */
export function runProgress(terminal: Terminal, flags: Pick<OutputFlags, 'quiet'>): Progress {
  const { stdout, stderr, show, stop } = liveLine(terminal, flags);
  let phase = () => '';
  let requests = 0;
  let inFlight = 0;
  let wait: Wait | undefined;
  let [pages, pagesDone, accounts, startedAt] = [0, 0, 0, 0];
  let isPlanning = false;

  const enter = (text: () => string, planning = false) => {
    phase = text;
    requests = 0;
    isPlanning = planning;
    show(line);
  };
  const line = () => (wait && inFlight === 0 && Date.now() < wait.untilMs ? waitText(wait, Date.now()) : phase());
  const sent = () => (requests === 0 ? '' : `, ${counted(requests, 'request')}`);
  const exportText = () => {
    const speed = Math.round((accounts * 1000) / Math.max(1, Date.now() - startedAt));
    return `Exporting: ${count(pagesDone)} of ${counted(pages, 'page')}, ${counted(accounts, 'account')}, ${count(speed)}/s`;
  };
  let round = 0;
  const planText = () => `Planning: ${round === 0 ? 'counting the accounts' : `round ${count(round)}`}${sent()}`;
  const planning = (nextRound: number) => {
    round = nextRound;
    if (!isPlanning) enter(planText, true);
    else show(line);
  };
  const reach = (done: number, all: number) => {
    [pagesDone, accounts] = [done, all];
    show(line);
  };
  const publishing = () => enter(() => 'Publishing: all pages are done');
  return {
    stdout,
    stderr,
    planning: () => planning(0),
    exporting(all, sinceMs = Date.now()) {
      pages = all;
      // The clock of AWS may be ahead of this one.
      startedAt = Math.min(sinceMs, Date.now());
      [pagesDone, accounts] = [0, 0];
      enter(exportText);
    },
    page(more) {
      reach(pagesDone + 1, accounts + more);
      if (pagesDone === pages) publishing();
    },
    reach,
    publishing,
    observe(activity) {
      switch (activity.activity) {
        case 'counting':
          return planning(activity.round);
        case 'requested':
          requests++;
          inFlight++;
          return;
        case 'answered':
          inFlight--;
          return;
        case 'waiting':
          // Of several requests that wait, the first one to end its wait ends the silence.
          if (!wait || wait.untilMs <= Date.now() || wait.untilMs > Date.now() + activity.ms) {
            wait = { ...activity, untilMs: Date.now() + activity.ms };
          }
          return show(line);
        case 'checking':
          return enter(() => `${checkText(activity)}${sent()}`);
      }
    },
    stop,
  };
}

function checkText({ what, pages }: Check): string {
  const checks: Readonly<Record<Check['what'], string>> = {
    'new accounts': 'looking for new accounts',
    pages: `checking ${counted(pages, 'page')}`,
    'page boundaries': 'checking page boundaries',
  };
  return `Publishing: ${checks[what]}`;
}

/** Causes of retries that are no status. */
const CAUSES: Readonly<Record<string, string>> = {
  '5xx': 'a server error',
  timeout: 'a timeout',
  connection: 'a connection error',
  'broken-body': 'a damaged answer',
};

function waitText({ untilMs, cause, request, maxRequests }: Wait, nowMs: number): string {
  const seconds = Math.max(1, Math.ceil((untilMs - nowMs) / 1000));
  const why = cause === 'asked' ? 'as the API asked' : `after ${CAUSES[cause] ?? cause}`;
  return `Waiting ${count(seconds)} s ${why}${request === 0 ? '' : ` (attempt ${request + 1} of ${maxRequests})`}`;
}
