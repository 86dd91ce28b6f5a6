/** The cost of a compression codec and level: compressing once, then storage and queries. */
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { shareOfCpu, usdOfSeconds } from './lambda-price.ts';
import { interleaved, type Rounds } from './measure.ts';
import type { BenchTable, Spread } from './section.ts';
import { quoteSpread, spreadOf } from './spread.ts';

export const DAYS = 365;
/** S3 Standard, us-east-1, per GB-month. */
export const STORAGE_USD = 0.023;
/** Athena, us-east-1, per TB of stored bytes. The minimum of 10 MB per query does not matter for a million accounts. */
export const SCAN_USD = 5;
/** Of levels whose cost differs by less, the lowest counts as the cheapest. */
const EQUAL_COST = 1.001;

export interface Codec {
  readonly codec: 'gzip' | 'zstd';
  readonly level: number;
  /** Compresses a part. @returns its bytes */
  readonly pack: () => number;
}

export interface Packing {
  readonly codec: 'gzip' | 'zstd';
  readonly level: number;
  readonly bytesOfAccount: number;
  readonly usOfAccount: Spread;
  /** USD for a million accounts, like all figures below. */
  readonly usdToPack: number;
  readonly usdOfYearStored: number;
  readonly usdOfScan: number;
  /** Compressed, stored for a year, and scanned once. */
  readonly usdScannedOnce: number;
  /** The same with a scan every day of the year. */
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
    head: [
      what,
      'bytes/account',
      'µs/account',
      'compression',
      'storage, 1 year',
      'one scan',
      'scanned once',
      'scanned daily',
    ],
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

/** Compares the level in use with the cheapest ones of its codec. */
export function cheapestLevel(what: string, rows: readonly Packing[], used: Pick<Packing, 'codec' | 'level'>): string {
  const levels = rows.filter(({ codec }) => codec === used.codec);
  const inUse = levels.find(({ level }) => level === used.level);
  const once = cheapest(levels, ({ usdScannedOnce }) => usdScannedOnce);
  const daily = cheapest(levels, ({ usdScannedDaily }) => usdScannedDaily);
  const more = (share: number) => `${((share - 1) * 100).toFixed(1)} %`;
  const difference = inUse
    ? `costs ${more(inUse.usdScannedOnce / once.usdScannedOnce)} and ${more(inUse.usdScannedDaily / daily.usdScannedDaily)} more`
    : 'was not measured';
  return `${what}: ${used.codec} ${once.level} is the cheapest for runs that are scanned once, ${used.codec} ${daily.level} for runs that are scanned daily. The level in use, ${used.level}, ${difference}.`;
}

function cheapest(rows: readonly Packing[], price: (row: Packing) => number): Packing {
  const minimum = Math.min(...rows.map(price));
  return rows.find((row) => price(row) <= minimum * EQUAL_COST) as Packing;
}
