/**
 * Counts the accounts of an export exactly, through an API that returns no total.
 *
 * Small probes, of one record, find out whether an offset exists. The first two tell apart one page, a few pages and many.
 * A few pages are narrowed by few probes at a time, which saves requests; many pages by eight, which saves rounds.
 * The last request fetches the accounts around the end: their number is the rest of the count, and a name that a probe found,
 * too, shows that pages are offsets. Only accounts cost records, so counting a million of them costs about 30.
 */
import { ExportError } from '../../model/errors.ts';
import type { BoundaryChecks } from '../../model/run.ts';
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
export const RECORDS_TO_COUNT = 70;

/** Up to here, few requests matter more than few rounds. */
const FEW_PAGES = 14;
/** The rounds that narrow a few pages: with as few probes as that takes, one at a time within a page of 1,000 accounts. */
const ROUNDS_FOR_FEW = 5;
/** Where the first page is probed. Above, the start of the second page is probed, too, so less is left to narrow. */
const SHARE_OF_PAGE = 0.69;

/**
 * The most accounts that the last request fetches. Within one page it costs more records than probes would, but saves
 * requests. When pages are known to be offsets, it only counts.
 */
const LAST_RECORDS = { ofOnePage: 22, ofMore: 14, whenOffsets: 6 } as const;

/**
 * The second round for many pages. From the first three ranges, eight probes per round reach the last request in four rounds,
 * from the next two in five, then in six. Counts are often near round numbers, and at the low end of a range probes cost the
 * fewest records.
 */
const MANY_ACCOUNTS = [54_000, 111_000, 202_000, 850_000, 1_670_000, 9_100_000, 76_000_000];

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

/** How the bounds are narrowed from here. */
interface Step {
  /** The most probes at a time. */
  readonly ways: number;
  /** At least so many rounds: the more rounds, the fewer probes. */
  readonly rounds: number;
  /** How many accounts the last request fetches. */
  readonly size: number;
}

/** The page of a size that contains the last account known to exist. */
function lastPageWithin({ min }: Bounds, size: number): number {
  return Math.floor(Math.max(0, min - 1) / size);
}

/**
 * The offsets of the next round, at starts of pages of `size`: no more than the number of rounds needs. None when one such
 * page contains the end.
 */
function nextOffsets(bounds: Bounds, { ways, rounds: atLeast, size }: Step): number[] {
  const { min, max } = bounds;
  if (max === Number.POSITIVE_INFINITY) {
    return Array.from({ length: ways }, (_, i) => Math.max(min, 1) * 2 ** (i + 1));
  }
  const first = lastPageWithin(bounds, size);
  const pages = Math.ceil(max / size) - first;
  if (pages <= 1) return [];
  let rounds = atLeast;
  while ((ways + 1) ** rounds < pages) rounds++;
  let parts = 2;
  while (parts ** rounds < pages) parts++;
  return Array.from({ length: parts - 1 }, (_, i) => (first + Math.floor(((i + 1) * pages) / parts)) * size);
}

/** A page to fetch: of `size` accounts, with a page number from 0. */
interface PageToProbe {
  readonly size: number;
  readonly page: number;
}

/** The exact count, or `undefined` when `page × pageSize` is not an offset here. */
async function countByOffsets(options: CountOptions, rounds: Rounds): Promise<number | undefined> {
  const { probe, pageSize, expected } = options;
  const bounds: Bounds = { min: 0, max: Number.POSITIVE_INFINITY };
  /** The accounts that were found at offsets. */
  const found = new Map<number, string | undefined>();
  /** Sends one round: pages, and the accounts at offsets. @returns the pages, `undefined` when they cannot be offsets */
  const send = async (offsets: readonly number[], pages: readonly PageToProbe[] = []) => {
    const all = [...pages, ...offsets.map((offset) => ({ size: 1, page: offset }))];
    const answers = await rounds.send(
      all.map(
        ({ size, page }) =>
          () =>
            probe(size, page),
      ),
    );
    const singles = answers.slice(pages.length).map(({ records, names }, i) => {
      return { at: offsets[i] ?? 0, exists: records > 0, name: names[0] };
    });
    narrow(bounds, singles);
    for (const { at, exists, name } of singles) if (exists) found.set(at, name);
    const isTooLarge = answers.some(({ records }, i) => records > (all[i]?.size ?? 0));
    const isRepeated = bounds.max === Number.POSITIVE_INFINITY && areEqual([...found.values()]);
    return isTooLarge || isRepeated ? undefined : answers.slice(0, pages.length);
  };
  /** Whether a page has the accounts that were found at these offsets, which are on it. */
  const agrees = ({ size, page }: PageToProbe, { names }: ProbeAnswer, offsets: readonly number[]) =>
    offsets.every((offset) => names[offset - size * page] === found.get(offset));

  /** How many accounts the last request fetches when there are at most so many accounts. */
  const lastSize = (max: number) => {
    const { ofOnePage, ofMore, whenOffsets } = LAST_RECORDS;
    const records = pagesAreOffsets ? whenOffsets : max <= pageSize ? ofOnePage : ofMore;
    // Fewer probes at a time cost fewer records, and so must the last request.
    return Math.max(2, Math.min(records, 3 * rounds.ways, Math.ceil(pageSize / 2)));
  };

  let pageSizeChecked = pageSize === 1 || options.pageSizeServed === true;
  let pagesAreOffsets = false;
  if (expected !== undefined && expected >= MIN_EXPECTED) {
    const last = { size: 2, page: Math.floor((expected - 1) / 2) };
    const [answer] = (await send(offsetsAround(expected), [last])) ?? [];
    if (!answer) return undefined;
    pagesAreOffsets = found.has(expected - 1) && agrees(last, answer, [expected - 1]);
  } else {
    const size = lastSize(pageSize);
    const withinPage = Math.max(1, Math.floor((SHARE_OF_PAGE * pageSize) / size)) * size;
    if (!(await send([withinPage, FEW_PAGES * pageSize]))) return undefined;
    const isFew = bounds.max !== Number.POSITIVE_INFINITY;
    const second = (isFew ? [pageSize] : MANY_ACCOUNTS).filter((at) => bounds.min > 0 && at >= bounds.min);
    if (second.length > 0 && !(await send(second))) return undefined;
  }

  let roundsLeft = ROUNDS_FOR_FEW;
  for (;;) {
    if (bounds.min > ENDLESS) throw samePageAgain();
    const isFew = bounds.max <= FEW_PAGES * pageSize;
    const step = { ways: rounds.ways, rounds: isFew ? Math.max(1, roundsLeft--) : 1, size: lastSize(bounds.max) };
    const offsets = bounds.min < bounds.max ? nextOffsets(bounds, step) : [];
    if (offsets.length > 0) {
      if (!(await send(offsets))) return undefined;
      continue;
    }
    const isOpen = bounds.min < bounds.max || (bounds.max > 0 && !pagesAreOffsets);
    // A run of one page shows by itself whether the API serves it.
    const checkPageSize = !pageSizeChecked && bounds.max > pageSize;
    if (!isOpen && !checkPageSize) return bounds.min;
    const last = { size: step.size, page: lastPageWithin(bounds, step.size) };
    const [start, end] = [last.page * last.size, (last.page + 1) * last.size];
    const known = [...found.keys()].filter((offset) => offset >= start && offset < end);
    const single = isOpen && known.length === 0 ? [start + Math.min(2, last.size - 1)] : [];
    const pageAfterEnd = Math.ceil(bounds.max / pageSize);
    const afterEnd = checkPageSize ? [{ size: pageSize, page: pageAfterEnd }] : [];
    const answers = await send(single, [...(isOpen ? [last] : []), ...afterEnd]);
    if (!answers) return undefined;
    const [answer] = answers;
    if (isOpen && answer) {
      pagesAreOffsets ||= agrees(last, answer, [...known, ...single]) || (await arePagesOffsets(options, rounds));
      if (!pagesAreOffsets) return undefined;
      bounds.min = Math.max(bounds.min, start + answer.records);
      bounds.max = bounds.min;
    }
    if (!checkPageSize) continue;
    pageSizeChecked = true;
    const records = answers.at(-1)?.records ?? 0;
    if (records === 0) continue;
    // Either the data changed just now, or the API serves smaller pages without saying so and counts its offsets by them.
    const [after] = await rounds.send([() => probe(1, pageAfterEnd * pageSize)]);
    if (after?.records === 0) {
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
}

/** A smaller expected number says nothing that the first probes do not show as well. */
const MIN_EXPECTED = 10;

/** Offsets around the last known count, because a tenant rarely doubles overnight. */
function offsetsAround(expected: number): readonly number[] {
  const around = [0.8, 0.98, 1.02, 1.25].map((factor) => Math.round(expected * factor));
  return [...new Set([expected - 1, expected, ...around])];
}

/** The second page of two accounts, and the third page of one: the same offset, if pages are offsets. */
type OffsetProbes = Readonly<Record<'pair' | 'direct', ProbeAnswer>>;

/**
 * Whether `page × pageSize` is an offset, after two answers contradicted that: the second page of two accounts and the third
 * of one then start with the same account. Accounts that move between the probes look like an API without offsets, so
 * different answers count only when they repeat.
 */
async function arePagesOffsets({ probe }: CountOptions, rounds: Rounds): Promise<boolean> {
  let before: OffsetProbes | undefined;
  for (let check = 0; check < OFFSET_CHECKS; check++) {
    const [pair, direct] = await rounds.send([() => probe(2, 1), () => probe(1, 2)]);
    if (!pair || !direct) return false;
    if (startEqual({ pair, direct })) return true;
    if (before && isSameAnswer(pair, before.pair) && isSameAnswer(direct, before.direct)) return false;
    before = { pair, direct };
  }
  return false;
}

function startEqual({ pair, direct }: OffsetProbes): boolean {
  return direct.records <= 1 && pair.records <= 2 && direct.names[0] === pair.names[0];
}

function isSameAnswer(a: ProbeAnswer, b: ProbeAnswer): boolean {
  return a.records === b.records && a.names.join('\n') === b.names.join('\n');
}

/** Whether all of at least three accounts are the same one: the API ignores `page`, for size 1 or for every size. */
function areEqual(names: readonly (string | undefined)[]): boolean {
  const [first] = names;
  return first !== undefined && names.length > 2 && names.every((name) => name === first);
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
    narrow(bounds, await fetchPages(nextOffsets(bounds, { ways, rounds: 1, size: 1 })));
  }
  const last = bounds.min - 1;
  return last < 0 ? 0 : last * pageSize + (seen.get(last)?.records ?? 0);
}

/** The page numbers of a plan travel in the state of the workflow, which holds 256 KiB. */
const MAX_PAGES = 30_000;

/** *Publish run* has 15 minutes. One request per page boundary, 20 at a time, takes about nine minutes if the API needs a second. */
const MAX_PAGES_CHECKED = 10_000;

/** @throws ExportError `PlanTooLargeError` naming a page size that is large enough */
export function refuseTooManyPages(accounts: number, pageSize: number, boundaryChecks: BoundaryChecks): void {
  const pages = Math.ceil(accounts / pageSize);
  const isChecked = boundaryChecks === 'all' && pages <= MAX_PAGES;
  const maximum = isChecked ? MAX_PAGES_CHECKED : MAX_PAGES;
  if (pages <= maximum) return;
  const enough = Math.ceil(accounts / maximum / 100) * 100;
  const which = isChecked ? ' if boundaryChecks is "all"' : '';
  throw new ExportError(
    'PlanTooLargeError',
    `Too many pages for one run (${pages} pages of ${pageSize} accounts, maximum ${maximum}${which}): start a new run with pageSize ${enough} or more${isChecked ? ', or with boundaryChecks "sample"' : ''}.`,
  );
}
