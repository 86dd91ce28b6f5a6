/**
 * Counts the accounts of an export exactly, through an API that returns no total.
 *
 * Small probes, of one record, find out whether an offset exists. The first round gallops; each further round narrows what
 * is still possible to a ninth, with eight probes at a time. Only a probe that finds an account costs a record, so counting
 * a million accounts costs about 40.
 */
import { ExportError } from '../../model/errors.ts';
import { pageSizeCapped, samePageAgain } from './paging-errors.ts';
import { allSettled } from './source.ts';

/** What the probe of one page finds. */
export interface ProbeAnswer {
  readonly records: number;
  readonly names: readonly string[];
}

export interface CountOptions {
  /** Fetches one page of a size; `page × size` should be its offset. */
  readonly probe: (size: number, page: number) => Promise<ProbeAnswer>;
  /** The page size that the export uses. */
  readonly pageSize: number;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** Called before each round of parallel requests. */
  readonly onRound?: ((round: number) => void) | undefined;
  /** How many accounts there were last time. */
  readonly expected?: number | undefined;
  /** Whether the API is known to serve pages of this size. @default false: one page after the end shows it */
  readonly pageSizeServed?: boolean;
}

export interface AccountCount {
  readonly accounts: number;
  readonly countedBy: 'offsets' | 'pages';
  /** Rounds of parallel requests. */
  readonly rounds: number;
}

/** More probes at once would cost records faster than they save rounds. */
const MAX_WAYS = 8;

/** The most records that counting by offsets fetches below 13 million accounts when no number is expected. */
export const RECORDS_TO_COUNT = 62;

/**
 * The first round when nothing is known. The offsets are sums of powers of 9, because eight probes divide a range by nine.
 * Each gap is at most 8 × 9⁶ wide: six rounds narrow it to eight, and a seventh finishes together with the last check. That
 * is eight rounds up to 13 million accounts, and at most 62 records at a million.
 */
const OPENING = [9 ** 4, 9 ** 5, 9 ** 6, 9 ** 7, 9 ** 7 + 8 * 9 ** 6, 9 ** 7 + 16 * 9 ** 6];

/** No tenant has this many accounts: an API that still answers here does not page. */
const ENDLESS = 10 ** 12;

/** Attempts to find out whether `page × pageSize` is an offset while accounts move between the two probes that show it. */
const OFFSET_CHECKS = 8;

/**
 * @throws ExportError `PageSizeCappedError` when the API serves smaller pages than requested, `PagingError` when it does
 * not page at all, and whatever `probe` throws
 */
export async function countAccounts(options: CountOptions): Promise<AccountCount> {
  const rounds = parallelRounds(options);
  const accounts = await countByOffsets(options, rounds);
  if (accounts !== undefined) return { accounts, countedBy: 'offsets', rounds: rounds.count };
  return { accounts: await countByPages(options, rounds), countedBy: 'pages', rounds: rounds.count };
}

type Rounds = ReturnType<typeof parallelRounds>;

/** Sends requests in rounds of at most `concurrency`, and counts the rounds. A failed round is the last one. */
function parallelRounds({ concurrency, onRound }: CountOptions) {
  const rounds = {
    count: 0,
    ways: Math.min(MAX_WAYS, concurrency),
    async send<T>(requests: readonly (() => Promise<T>)[]): Promise<T[]> {
      const answers: T[] = [];
      for (let from = 0; from < requests.length; from += concurrency) {
        rounds.count++;
        onRound?.(rounds.count);
        const round = requests.slice(from, from + concurrency);
        answers.push(...(await allSettled(round.map((request) => request()))));
      }
      return answers;
    },
  };
  return rounds;
}

/** What is known of the count: at least `min`, at most `max`. */
interface Bounds {
  min: number;
  max: number;
}

/** Narrows the bounds by one round of probes. Where they contradict each other the data changed: found accounts win. */
function narrow(bounds: Bounds, probed: readonly { at: number; exists: boolean }[]): void {
  for (const { at, exists } of probed) if (exists) bounds.min = Math.max(bounds.min, at + 1);
  for (const { at, exists } of probed) {
    if (!exists && at >= bounds.min) bounds.max = Math.min(bounds.max, at);
  }
  bounds.max = Math.max(bounds.max, bounds.min);
}

/** Up to `ways` offsets that divide the possible counts into parts of equal size. */
function nextOffsets({ min, max }: Bounds, ways: number): number[] {
  if (max === Number.POSITIVE_INFINITY) {
    return Array.from({ length: ways }, (_, i) => Math.max(min, 1) * 2 ** (i + 1));
  }
  const candidates = max - min + 1;
  const parts = Math.min(ways + 1, candidates);
  const offsets = Array.from({ length: Math.min(ways, candidates - 1) }, (_, i) => {
    return min + Math.ceil(((i + 1) * candidates) / parts) - 1;
  });
  return [...new Set(offsets)];
}

/** The exact count, or `undefined` when `page × pageSize` is not an offset here. */
async function countByOffsets(options: CountOptions, rounds: Rounds): Promise<number | undefined> {
  const { probe, pageSize } = options;
  const bounds: Bounds = { min: 0, max: Number.POSITIVE_INFINITY };
  const opening = openingOffsets(options.expected);

  const [pair, direct, ...others] = await rounds.send([
    () => probe(2, 1),
    ...[2, ...opening].map((offset) => () => probe(1, offset)),
  ]);
  if (!pair || !direct) return undefined;
  if (everyAnswerIsEqual([direct, ...others])) return undefined;
  if (!(await pagesAreOffsets(options, rounds, { pair, direct }))) return undefined;
  narrow(bounds, [
    { at: 2, exists: direct.records > 0 },
    ...others.map((answer, i) => ({ at: opening[i] ?? 0, exists: answer.records > 0 })),
  ]);

  let pageSizeChecked = pageSize === 1 || options.pageSizeServed === true;
  while (bounds.min < bounds.max || !pageSizeChecked) {
    if (bounds.min > ENDLESS) throw samePageAgain();
    const offsets = nextOffsets(bounds, rounds.ways);
    const checkPageSize = !pageSizeChecked && offsets.length < rounds.ways;
    const pageAfterEnd = Math.ceil(bounds.max / pageSize);
    const answers = await rounds.send([
      ...offsets.map((offset) => () => probe(1, offset)),
      ...(checkPageSize ? [() => probe(pageSize, pageAfterEnd)] : []),
    ]);
    narrow(
      bounds,
      offsets.map((at, i) => ({ at, exists: (answers[i]?.records ?? 0) > 0 })),
    );
    if (!checkPageSize) continue;
    pageSizeChecked = true;
    const records = answers[offsets.length]?.records ?? 0;
    if (records === 0) continue;
    // Either the data changed just now, or the API serves smaller pages without saying so and counts its offsets by them.
    const [single] = await rounds.send([() => probe(1, pageAfterEnd * pageSize)]);
    if (single?.records === 0) {
      const [again, still] = await rounds.send([
        () => probe(pageSize, pageAfterEnd),
        () => probe(1, pageAfterEnd * pageSize),
      ]);
      if (again?.records === records && still?.records === 0) throw pageSizeCapped(pageSize, records);
      continue;
    }
    bounds.min = pageAfterEnd * pageSize + 1;
    bounds.max = Number.POSITIVE_INFINITY;
  }
  return bounds.min;
}

/** Offsets around the last known count, because a tenant rarely doubles overnight; the default otherwise. */
function openingOffsets(expected: number | undefined): readonly number[] {
  if (expected === undefined || expected < 10) return OPENING;
  const around = [0.8, 0.98, 1.02, 1.25].map((factor) => Math.round(expected * factor));
  return [...new Set([expected - 1, expected, ...around])].filter((offset) => offset > 2);
}

/** The second page of two accounts, and the third page of one: the same offset, if pages are offsets. */
type OffsetProbes = Readonly<Record<'pair' | 'direct', ProbeAnswer>>;

/**
 * Whether `page × pageSize` is an offset: both probes then start with the same account. Accounts that move between the
 * probes look like an API without offsets, so different answers count only when they repeat.
 */
async function pagesAreOffsets({ probe }: CountOptions, rounds: Rounds, first: OffsetProbes): Promise<boolean> {
  let before = first;
  for (let check = 1; check < OFFSET_CHECKS; check++) {
    if (startEqual(before)) return true;
    const [pair, direct] = await rounds.send([() => probe(2, 1), () => probe(1, 2)]);
    if (!pair || !direct) return false;
    const now = { pair, direct };
    if (!startEqual(now) && isSameAnswer(pair, before.pair) && isSameAnswer(direct, before.direct)) return false;
    before = now;
  }
  return startEqual(before);
}

function startEqual({ pair, direct }: OffsetProbes): boolean {
  return direct.records <= 1 && pair.records <= 2 && direct.names[0] === pair.names[0];
}

function isSameAnswer(a: ProbeAnswer, b: ProbeAnswer): boolean {
  return a.records === b.records && a.names.join('\n') === b.names.join('\n');
}

/** Every probe got the same account: the API ignores `page`, for size 1 or for every size. */
function everyAnswerIsEqual(answers: readonly ProbeAnswer[]): boolean {
  const first = answers[0]?.names[0];
  return first !== undefined && answers.length > 2 && answers.every((answer) => answer.names[0] === first);
}

/** Finds the last page that has accounts. Each probe costs a whole page, so this is for APIs whose pages are not offsets. */
async function countByPages({ probe, pageSize, expected }: CountOptions, rounds: Rounds): Promise<number> {
  const seen = new Map<number, ProbeAnswer>();
  const fetchPages = async (pages: readonly number[]) => {
    const answers = await rounds.send(pages.map((page) => () => probe(pageSize, page)));
    return pages.map((at, i) => {
      const answer = answers[i] ?? { records: 0, names: [] };
      seen.set(at, answer);
      return { at, exists: answer.records > 0 };
    });
  };
  const bounds: Bounds = { min: 0, max: Number.POSITIVE_INFINITY };
  narrow(bounds, await fetchPages([0, 1]));
  const [first, second] = [seen.get(0), seen.get(1)];
  if (first && second && second.records > 0) {
    if (first.names.length > 1 && isSameAnswer(first, second)) throw samePageAgain();
    if (first.records > 0 && first.records < pageSize) throw pageSizeCapped(pageSize, first.records);
  }
  const expectedPages = Math.ceil((expected ?? 0) / pageSize);
  if (bounds.max > bounds.min && expectedPages > 2)
    narrow(bounds, await fetchPages([expectedPages - 1, expectedPages]));
  while (bounds.min < bounds.max) {
    if (bounds.min > ENDLESS / pageSize) throw samePageAgain();
    // Each page that exists costs a whole page of records: gallop and halve instead of dividing into nine.
    const ways = bounds.max === Number.POSITIVE_INFINITY ? Math.min(3, rounds.ways) : 1;
    narrow(bounds, await fetchPages(nextOffsets(bounds, ways)));
  }
  const last = bounds.min - 1;
  return last < 0 ? 0 : last * pageSize + (seen.get(last)?.records ?? 0);
}

/** The page numbers of a plan travel in the state of the workflow, which holds 256 KiB. */
const MAX_PAGES = 30_000;

/** @throws ExportError `PlanTooLargeError` naming a page size that is large enough */
export function refuseTooManyPages(accounts: number, pageSize: number): void {
  const pages = Math.ceil(accounts / pageSize);
  if (pages <= MAX_PAGES) return;
  const enough = Math.ceil(accounts / MAX_PAGES / 100) * 100;
  throw new ExportError(
    'PlanTooLargeError',
    `Too many pages for one run (${pages} pages of ${pageSize} accounts, maximum ${MAX_PAGES}): start a new run with pageSize ${enough} or more.`,
  );
}
