/**
 * Counts the accounts of an export exactly, through an API that tells no total.
 *
 * Probes of one record each say whether an offset exists. A first round gallops; each round after it cuts what is still
 * possible into nine, with eight probes at once. Only a probe that finds an account costs a record, so a million accounts
 * cost some forty.
 */
import { ExportError } from '../../model/errors.ts';
import { allSettled } from './all-settled.ts';

/** What a probe of one page tells. */
export interface ProbeAnswer {
  readonly records: number;
  readonly identities: readonly string[];
}

export interface CountOptions {
  /** Asks the API for one page; `page × pageSize` should be its offset. */
  readonly probe: (pageSize: number, page: number) => Promise<ProbeAnswer>;
  /** The page size the export will use. */
  readonly pageSize: number;
  /** Requests in flight at once. */
  readonly concurrency: number;
  /** How many accounts there were last time. */
  readonly expected?: number | undefined;
}

export interface AccountCount {
  readonly accounts: number;
  readonly countedBy: 'offsets' | 'pages';
  /** How many times requests were waited for. */
  readonly rounds: number;
}

/** More probes at once would spend records faster than they save rounds. */
const MAX_WAYS = 8;

/**
 * Where the first round looks when nothing is known. The gaps are at most 8 × 9⁶ offsets wide, which six rounds of eight
 * probes narrow to eight, and a seventh settles together with the last check: eight rounds in all, up to 13 million
 * accounts, and never more than 62 records at a million.
 */
const OPENING = [9 ** 4, 9 ** 5, 9 ** 6, 9 ** 7, 9 ** 7 + 8 * 9 ** 6, 9 ** 7 + 16 * 9 ** 6];

/** No tenant has this many accounts: an API that still answers here does not page. */
const ENDLESS = 10 ** 12;

/**
 * @throws ExportError `PageSizeCappedError` when the API serves smaller pages than asked for, `PagingError` when it does
 * not page at all, and whatever `probe` throws
 */
export async function countAccounts(options: CountOptions): Promise<AccountCount> {
  const rounds = new Rounds(options.concurrency);
  const accounts = await countByOffsets(options, rounds);
  if (accounts !== undefined) return { accounts, countedBy: 'offsets', rounds: rounds.count };
  return { accounts: await countByPages(options, rounds), countedBy: 'pages', rounds: rounds.count };
}

/** Sends requests together and counts how often they were waited for. */
class Rounds {
  readonly ways: number;
  readonly #concurrency: number;
  count = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.ways = Math.min(MAX_WAYS, concurrency);
  }

  async send<T>(requests: readonly (() => Promise<T>)[]): Promise<T[]> {
    this.count += Math.ceil(requests.length / this.#concurrency);
    return allSettled(requests.map((request) => request()));
  }
}

/** What is known of the end: at least `atLeast` things exist, at most `atMost`. */
interface Bounds {
  atLeast: number;
  atMost: number;
}

/** Takes in one round's probes. Where they contradict each other the source moved: what was seen to exist wins. */
function takeIn(bounds: Bounds, probed: readonly { at: number; exists: boolean }[]): void {
  for (const { at, exists } of probed) if (exists) bounds.atLeast = Math.max(bounds.atLeast, at + 1);
  for (const { at, exists } of probed) {
    if (!exists && at >= bounds.atLeast) bounds.atMost = Math.min(bounds.atMost, at);
  }
  bounds.atMost = Math.max(bounds.atMost, bounds.atLeast);
}

/** Up to `ways` places that cut the possible ends into parts of equal size. */
function cuts({ atLeast, atMost }: Bounds, ways: number): number[] {
  if (atMost === Number.POSITIVE_INFINITY) {
    return Array.from({ length: ways }, (_, i) => Math.max(atLeast, 1) * 2 ** (i + 1));
  }
  const candidates = atMost - atLeast + 1;
  const places = Array.from(
    { length: Math.min(ways, candidates - 1) },
    (_, i, parts = Math.min(ways + 1, candidates)) => atLeast + Math.ceil(((i + 1) * candidates) / parts) - 1,
  );
  return [...new Set(places)];
}

/** The exact count, or `undefined` when `page × pageSize` is not an offset here. */
async function countByOffsets(options: CountOptions, rounds: Rounds): Promise<number | undefined> {
  const { probe, pageSize } = options;
  const bounds: Bounds = { atLeast: 0, atMost: Number.POSITIVE_INFINITY };
  const opening = openingOffsets(options.expected);

  const [pair, direct, ...others] = await rounds.send([
    () => probe(2, 1),
    ...[2, ...opening].map((offset) => () => probe(1, offset)),
  ]);
  if (!pair || !direct) return undefined;
  if (isStandingStill([direct, ...others])) return undefined;
  if (!isSameOffset(direct, pair)) {
    // An account may have come or gone between the two: one more look tells that from an API without offsets.
    const [pairAgain, directAgain] = await rounds.send([() => probe(2, 1), () => probe(1, 2)]);
    if (!pairAgain || !directAgain || !isSameOffset(directAgain, pairAgain)) return undefined;
  }
  takeIn(bounds, [
    { at: 2, exists: direct.records > 0 },
    ...others.map((answer, i) => ({ at: opening[i] ?? 0, exists: answer.records > 0 })),
  ]);

  let pageSizeChecked = pageSize === 1;
  while (bounds.atLeast < bounds.atMost || !pageSizeChecked) {
    if (bounds.atLeast > ENDLESS) throw endless();
    const places = cuts(bounds, rounds.ways);
    const checkPageSize = !pageSizeChecked && places.length < rounds.ways;
    const behindTheEnd = Math.ceil(bounds.atMost / pageSize);
    const answers = await rounds.send([
      ...places.map((offset) => () => probe(1, offset)),
      ...(checkPageSize ? [() => probe(pageSize, behindTheEnd)] : []),
    ]);
    takeIn(
      bounds,
      places.map((at, i) => ({ at, exists: (answers[i]?.records ?? 0) > 0 })),
    );
    if (checkPageSize) {
      pageSizeChecked = true;
      const behind = answers[places.length];
      if (behind && behind.records > 0) await judgeBehindTheEnd(options, rounds, bounds, behindTheEnd, behind.records);
    }
  }
  return bounds.atLeast;
}

/** Around the last known size, because a tenant rarely doubles overnight; the default otherwise. */
function openingOffsets(expected: number | undefined): readonly number[] {
  if (expected === undefined || expected < 10) return OPENING;
  const around = [0.8, 0.98, 1.02, 1.25].map((factor) => Math.round(expected * factor));
  return [...new Set([expected - 1, expected, ...around])].filter((offset) => offset > 2);
}

function isSameOffset(direct: ProbeAnswer, pair: ProbeAnswer): boolean {
  return direct.records <= 1 && pair.records <= 2 && direct.identities[0] === pair.identities[0];
}

/** Every offset answers with the same account: pages of one record, or pages of any size, do not move. */
function isStandingStill(answers: readonly ProbeAnswer[]): boolean {
  const first = answers[0]?.identities[0];
  return first !== undefined && answers.length > 2 && answers.every((answer) => answer.identities[0] === first);
}

function endless(): ExportError {
  return new ExportError(
    'PagingError',
    'The API answers every page with the same accounts: it ignores the page parameter, so the export cannot be split into pages; ask its provider.',
  );
}

/**
 * A page of the real size behind the last account must be empty. Where it is not, either accounts were added just now, or
 * the API quietly serves smaller pages and counts its offsets by them.
 */
async function judgeBehindTheEnd(
  { probe, pageSize }: CountOptions,
  rounds: Rounds,
  bounds: Bounds,
  page: number,
  records: number,
): Promise<void> {
  const [single] = await rounds.send([() => probe(1, page * pageSize)]);
  if (single?.records === 0) throw pageSizeCapped(pageSize, records);
  bounds.atLeast = page * pageSize + 1;
  bounds.atMost = Number.POSITIVE_INFINITY;
}

/** What to say of an API that answers with fewer accounts than asked for although more follow. */
export function pageSizeCapped(pageSize: number, served: number): ExportError {
  return new ExportError(
    'PageSizeCappedError',
    `The API serves ${served} accounts a page where ${pageSize} were asked for: set the page size to ${served}.`,
  );
}

/** Finds the last page with accounts on it: dearer by whole pages, for APIs whose pages are not offsets. */
async function countByPages({ probe, pageSize, expected }: CountOptions, rounds: Rounds): Promise<number> {
  const seen = new Map<number, ProbeAnswer>();
  const look = async (pages: readonly number[]) => {
    const answers = await rounds.send(pages.map((page) => () => probe(pageSize, page)));
    return pages.map((at, i) => {
      const answer = answers[i] ?? { records: 0, identities: [] };
      seen.set(at, answer);
      return { at, exists: answer.records > 0 };
    });
  };
  const bounds: Bounds = { atLeast: 0, atMost: Number.POSITIVE_INFINITY };
  takeIn(bounds, await look([0, 1]));
  const [first, second] = [seen.get(0), seen.get(1)];
  if (first && second && second.records > 0) {
    if (first.identities.length > 1 && first.identities.join('\n') === second.identities.join('\n')) throw endless();
    if (first.records < pageSize) throw pageSizeCapped(pageSize, first.records);
  }
  const expectedPages = Math.ceil((expected ?? 0) / pageSize);
  if (bounds.atMost > bounds.atLeast && expectedPages > 2)
    takeIn(bounds, await look([expectedPages - 1, expectedPages]));
  while (bounds.atLeast < bounds.atMost) {
    if (bounds.atLeast > ENDLESS / pageSize) throw endless();
    // Each page that exists costs a whole page of records: gallop and halve instead of cutting into nine.
    const ways = bounds.atMost === Number.POSITIVE_INFINITY ? Math.min(3, rounds.ways) : 1;
    takeIn(bounds, await look(cuts(bounds, ways)));
  }
  const last = bounds.atLeast - 1;
  return last < 0 ? 0 : last * pageSize + (seen.get(last)?.records ?? 0);
}
