/** What a way of packing costs: once to pack, and then to keep and to read. */
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { shareOfCpu, usdOfSeconds } from './lambda-price.ts';
import { interleaved, type Rounds } from './measure.ts';
import type { BenchTable, Spread } from './section.ts';
import { quoteSpread, spreadOf } from './spread.ts';

export const DAYS = 365;
/** S3 Standard, us-east-1, for a GB and month. */
export const STORAGE_USD = 0.023;
/** Athena, us-east-1, for a TB as it lies in S3; at least 10 MB a query, which a million accounts pass. */
export const SCAN_USD = 5;
/** A difference that no reader of a bill would see; of levels within it the lowest is called the cheapest. */
const NO_DIFFERENCE = 1.001;

export interface Codec {
  readonly codec: 'gzip' | 'zstd';
  readonly level: number;
  /** Packs a part. @returns the bytes of it */
  readonly pack: () => number;
}

export interface Packing {
  readonly codec: 'gzip' | 'zstd';
  readonly level: number;
  readonly bytesOfAccount: number;
  readonly usOfAccount: Spread;
  /** USD for a million accounts, this one and all below. */
  readonly usdToPack: number;
  readonly usdOfYearStored: number;
  readonly usdOfScan: number;
  /** Packed, stored for a year, and scanned whole on the run's own day. */
  readonly usdScannedOnce: number;
  /** The same with a scan on each day of the year. */
  readonly usdScannedDaily: number;
}

export async function measurePackings(
  codecs: readonly Codec[],
  accounts: number,
  rounds: Rounds,
): Promise<readonly Packing[]> {
  const named = codecs.map(({ codec, level, pack }) => [`${codec} ${level}`, pack] as const);
  const measured = await interleaved(Object.fromEntries(named), rounds);
  return codecs.map(({ codec, level, pack }) => {
    const bytesOfAccount = pack() / accounts;
    const usOfAccount = spreadOf((measured[`${codec} ${level}`] ?? []).map((ms) => (ms * 1000) / accounts));
    return { codec, level, bytesOfAccount, usOfAccount, ...pricesOf(bytesOfAccount, usOfAccount.median) };
  });
}

function pricesOf(bytesOfAccount: number, usOfAccount: number) {
  const gbOfMillion = bytesOfAccount / 1e3;
  const usdToPack = usdOfSeconds(usOfAccount / shareOfCpu(MEMORY_MB.page), MEMORY_MB.page);
  const usdOfYearStored = gbOfMillion * STORAGE_USD * 12;
  const usdOfScan = (gbOfMillion / 1e3) * SCAN_USD;
  return {
    usdToPack,
    usdOfYearStored,
    usdOfScan,
    usdScannedOnce: usdToPack + usdOfYearStored + usdOfScan,
    usdScannedDaily: usdToPack + usdOfYearStored + DAYS * usdOfScan,
  };
}

export function packingTable(what: string, rows: readonly Packing[]): BenchTable {
  const cents = (usd: number) => (usd * 100).toPrecision(3);
  return {
    head: [what, 'bytes an account', 'µs an account', 'packing', 'a year stored', 'a scan', 'once', 'daily'],
    align: 'lrrrrrrr',
    rows: rows.map((row) => [
      `${row.codec} ${row.level}`,
      row.bytesOfAccount.toFixed(1),
      quoteSpread(row.usOfAccount, 1),
      cents(row.usdToPack),
      cents(row.usdOfYearStored),
      cents(row.usdOfScan),
      cents(row.usdScannedOnce),
      cents(row.usdScannedDaily),
    ]),
  };
}

/** Which level of a codec is the cheapest, and what the one in use costs beside it. */
export function cheapestLevel(what: string, rows: readonly Packing[], used: Pick<Packing, 'codec' | 'level'>): string {
  const levels = rows.filter(({ codec }) => codec === used.codec);
  const inUse = levels.find(({ level }) => level === used.level);
  const once = cheapest(levels, ({ usdScannedOnce }) => usdScannedOnce);
  const daily = cheapest(levels, ({ usdScannedDaily }) => usdScannedDaily);
  const more = (share: number) => `${((share - 1) * 100).toFixed(1)} %`;
  const beside = inUse
    ? `${more(inUse.usdScannedOnce / once.usdScannedOnce)} and ${more(inUse.usdScannedDaily / daily.usdScannedDaily)} more than these`
    : 'it was not measured';
  return `${what}: ${used.codec} ${once.level} is the cheapest where a run is scanned once, and ${used.codec} ${daily.level} where it is scanned daily. Parts are packed at ${used.level}: ${beside}.`;
}

/** The lowest level whose price nobody could tell from the least. */
function cheapest(rows: readonly Packing[], price: (row: Packing) => number): Packing {
  const least = Math.min(...rows.map(price));
  return rows.find((row) => price(row) <= least * NO_DIFFERENCE) as Packing;
}
