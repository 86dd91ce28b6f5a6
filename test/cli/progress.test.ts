/** The live line: its texts, and that it never mixes with other output. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { liveLine } from '../../cli/terminal/live-line.ts';
import { type Progress, runProgress } from '../../cli/terminal/progress.ts';
import type { Terminal } from '../../cli/terminal/terminal.ts';

const ERASE = '\r\u001B[K';

function terminalOf({ columns, isTTY = true, term = 'xterm' }: { columns?: number; isTTY?: boolean; term?: string }) {
  let text = '';
  const stream = {
    isTTY,
    ...(columns === undefined ? {} : { columns }),
    write: (more: string) => {
      text += more;
    },
  };
  const terminal = { stdout: stream, stderr: stream, env: { TERM: term } } as unknown as Terminal;
  return { terminal, written: () => text };
}

beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-08-22T02:00:00Z') }));
afterEach(() => void vi.useRealTimers());

describe('a live line', () => {
  it('is rewritten in place, several times a second, if its text has changed', () => {
    const { terminal, written } = terminalOf({});
    const line = liveLine(terminal, {});
    let round = 1;
    line.show(() => `round ${round}`);
    vi.advanceTimersByTime(1000);
    expect(written()).toBe(`${ERASE}round 1`);
    round = 2;
    vi.advanceTimersByTime(100);
    expect(written()).toBe(`${ERASE}round 1${ERASE}round 2`);
    line.stop();
    expect(written()).toBe(`${ERASE}round 1${ERASE}round 2${ERASE}`);
    vi.advanceTimersByTime(1000);
    expect(written()).toHaveLength(`${ERASE}round 1${ERASE}round 2${ERASE}`.length);
  });

  it('is erased before other output, and drawn again below it', () => {
    const { terminal, written } = terminalOf({});
    const line = liveLine(terminal, {});
    line.show(() => 'live');
    line.stdout.write('one\n');
    line.stderr.write('two\n');
    expect(written()).toBe(`${ERASE}live${ERASE}one\ntwo\n`);
    vi.advanceTimersByTime(100);
    expect(written()).toBe(`${ERASE}live${ERASE}one\ntwo\n${ERASE}live`);
    line.stop();
    line.stdout.write('three\n');
    expect(written().endsWith(`live${ERASE}three\n`)).toBe(true);
  });

  it.each([
    [undefined, 79],
    [0, 79],
    [20, 19],
  ])('never reaches the last column of a terminal of %j columns', (columns, length) => {
    const { terminal, written } = terminalOf(columns === undefined ? {} : { columns });
    liveLine(terminal, {}).show(() => 'x'.repeat(200));
    expect(written()).toBe(`${ERASE}${'x'.repeat(length)}`);
  });

  it.each([
    ['no terminal', { isTTY: false }, {}],
    ['a terminal that cannot erase', { term: 'dumb' }, {}],
    ['--quiet', {}, { quiet: true }],
  ])('is not shown with %s', (_what, options, flags) => {
    const { terminal, written } = terminalOf(options);
    const line = liveLine(terminal, flags);
    line.show(() => 'live');
    line.stdout.write('one\n');
    line.stop();
    expect(written()).toBe('one\n');
  });
});

describe('the progress of a run', () => {
  function shownBy(act: (progress: Progress) => void): string {
    const { terminal, written } = terminalOf({});
    const progress = runProgress(terminal, {});
    act(progress);
    vi.advanceTimersByTime(100);
    const shown = written().split(ERASE).at(-1) ?? '';
    progress.stop();
    return shown;
  }
  const request = (progress: Progress, times = 1) => {
    for (let i = 0; i < times; i++) progress.observe({ activity: 'requested' });
  };
  const answer = (progress: Progress, times = 1) => {
    for (let i = 0; i < times; i++) progress.observe({ activity: 'answered' });
  };
  const wait = (progress: Progress, ms: number, more: object = {}) =>
    progress.observe({ activity: 'waiting', ms, cause: '429', request: 2, maxRequests: 8, ...more });

  it.each<[string, (progress: Progress) => void]>([
    ['Planning: counting the accounts', (progress) => progress.planning()],
    [
      'Planning: round 3, 17 requests',
      (progress) => {
        progress.planning();
        for (const round of [1, 2, 3]) progress.observe({ activity: 'counting', round });
        request(progress, 17);
      },
    ],
    [
      'Exporting: 2 of 13 pages, 1,500 accounts, 500/s',
      (progress) => {
        progress.planning();
        request(progress);
        progress.exporting(13);
        progress.page(1000);
        progress.page(500);
        vi.advanceTimersByTime(2900);
      },
    ],
    [
      'Publishing: checking 13 pages',
      (progress) => progress.observe({ activity: 'checking', what: 'pages', pages: 13 }),
    ],
    [
      'Publishing: checking page boundaries, 1 request',
      (progress) => {
        progress.exporting(13);
        request(progress, 5);
        progress.observe({ activity: 'checking', what: 'page boundaries', pages: 13 });
        request(progress);
      },
    ],
    [
      'Planning: round 1',
      (progress) => {
        // Planned again, because the data changed.
        progress.observe({ activity: 'checking', what: 'pages', pages: 13 });
        request(progress, 3);
        progress.observe({ activity: 'counting', round: 1 });
      },
    ],
  ])('shows "%s"', (expected, act) => {
    expect(shownBy(act)).toBe(expected);
  });

  it('shows a wait while no request is in flight, and how long it still takes', () => {
    const waiting = (act: (progress: Progress) => void) =>
      shownBy((progress) => {
        progress.planning();
        request(progress, 2);
        answer(progress);
        wait(progress, 3000);
        act(progress);
      });
    expect(waiting(() => undefined)).toBe('Planning: counting the accounts, 2 requests');
    expect(waiting(answer)).toBe('Waiting 3 s after 429 (attempt 3 of 8)');
    expect(
      waiting((progress) => {
        answer(progress);
        vi.advanceTimersByTime(1900);
      }),
    ).toBe('Waiting 1 s after 429 (attempt 3 of 8)');
    expect(
      waiting((progress) => {
        answer(progress);
        vi.advanceTimersByTime(3000);
      }),
    ).toBe('Planning: counting the accounts, 2 requests');
  });

  it('shows a wait that the API asked of other requests', () => {
    const act = (progress: Progress) => wait(progress, 12_000, { cause: 'asked', request: 0 });
    expect(shownBy(act)).toBe('Waiting 12 s as the API asked');
  });

  it('shows the wait that ends first, and its cause', () => {
    const shown = (...waits: [number, string][]) =>
      shownBy((progress) => {
        progress.planning();
        for (const [ms, cause] of waits) wait(progress, ms, { cause });
      });
    expect(shown([9000, '429'], [2000, 'broken-body'])).toBe('Waiting 2 s after a damaged answer (attempt 3 of 8)');
    expect(shown([2000, '5xx'], [9000, '429'])).toBe('Waiting 2 s after a server error (attempt 3 of 8)');
  });
});
