/** The progress bar of `run` and of a followed run. */
import { SingleBar } from 'cli-progress';
import { count } from './format.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  /** @param sinceMs epoch ms at which the first page started. @default now */
  start(pages: number, sinceMs?: number): void;
  page(accounts: number): void;
  /** Sets how many pages and accounts are done in all. */
  reach(pages: number, accounts: number): void;
  stop(): void;
}

/** A bar on stderr when that is a terminal; nothing elsewhere or with `--quiet`. */
export function pageProgress({ stderr }: Terminal, { quiet }: { quiet?: boolean }): Progress {
  if (!stderr.isTTY || quiet) {
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
    stream: stderr as NodeJS.WritableStream,
    linewrap: false,
  });
  const payload = () => ({
    accounts: count(accounts),
    speed: count(Math.round((accounts * 1000) / Math.max(1, Date.now() - startedAt))),
  });
  return {
    start(pages, sinceMs = Date.now()) {
      accounts = 0;
      // The clock of AWS may be ahead of this one.
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
