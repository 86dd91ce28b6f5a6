/** Compression levels: CPU time against a year of storage and queries. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { GZIP_LEVEL, ZSTD_LEVEL } from '../functions/formats/compression.ts';
import { packColumn } from '../functions/formats/parquet.ts';
import { plainParquet } from './floors.ts';
import { shareOfCpu } from './lambda-price.ts';
import {
  type Codec,
  cheapestLevel,
  DAYS,
  measurePackings,
  type Packing,
  packingTable,
  SCAN_USD,
  STORAGE_USD,
} from './packing.ts';
import { bodyOf, partTextOf } from './pages.ts';
import type { Benchmark } from './section.ts';

/** Per part: the default page size. */
const ACCOUNTS = 1000;
const GZIP_LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const TEXT_ZSTD_LEVELS = [1, 3, 6, 9, 12, 15] as const;
const COLUMN_ZSTD_LEVELS = [1, 3, 6, 9, 12, 15, 17, 19] as const;

export const benchmark: Benchmark = async ({ quick }) => {
  const rounds = quick ? { rounds: 1, warmUp: 1, times: 1 } : { rounds: 9, warmUp: 1, times: 8 };
  const json = await measurePackings(
    codecsOfText(await partTextOf('json', bodyOf('json', ACCOUNTS))),
    ACCOUNTS,
    rounds,
  );
  const csv = await measurePackings(codecsOfText(await partTextOf('csv', bodyOf('csv', ACCOUNTS))), ACCOUNTS, rounds);
  const parquet = await measurePackings(codecsOfColumns(), ACCOUNTS, rounds);
  return {
    title: 'Compression',
    about: [
      `Parts of ${ACCOUNTS.toLocaleString('en-US')} accounts, compressed by each codec and level: the text of JSON and CSV parts, and the column chunks`,
      `of Parquet parts. Prices are US cents per million accounts: compression is time of *Export page* at ${MEMORY_MB.page} MB`,
      `(${shareOfCpu(MEMORY_MB.page).toFixed(2)} vCPU); storage is S3 Standard at ${STORAGE_USD} USD per GB-month; a scan is Athena at ${SCAN_USD} USD per TB of compressed bytes.`,
      `*Scanned once* is compression, a year of storage and one scan; *scanned daily* has ${DAYS} scans.`,
    ].join('\n'),
    tables: [packingTable('JSON parts', json), packingTable('CSV parts', csv), packingTable('Parquet parts', parquet)],
    findings: [
      cheapestLevel('JSON', json, { codec: 'gzip', level: GZIP_LEVEL }),
      cheapestLevel('CSV', csv, { codec: 'gzip', level: GZIP_LEVEL }),
      cheapestLevel('Parquet', parquet, { codec: 'zstd', level: ZSTD_LEVEL }),
      ...zstdForText('JSON', json),
      ...zstdForText('CSV', csv),
    ],
    figures: { accounts: ACCOUNTS, days: DAYS, gzipLevel: GZIP_LEVEL, zstdLevel: ZSTD_LEVEL, json, csv, parquet },
  };
};

function codecsOfText(text: Buffer): Codec[] {
  const zstd = (level: number) =>
    zstdCompressSync(text, {
      params: { [constants.ZSTD_c_compressionLevel]: level },
      pledgedSrcSize: text.length,
    });
  return [
    ...GZIP_LEVELS.map((level): Codec => ({ codec: 'gzip', level, pack: () => gzipSync(text, { level }).length })),
    ...TEXT_ZSTD_LEVELS.map((level): Codec => ({ codec: 'zstd', level, pack: () => zstd(level).length })),
  ];
}

function codecsOfColumns(): Codec[] {
  const pieces: Uint8Array[] = [];
  plainParquet(JSON.parse(bodyOf('parquet', ACCOUNTS).toString()), (bytes) => {
    pieces.push(bytes.slice());
    return bytes;
  });
  const pack = (level: number) => pieces.reduce((sum, piece) => sum + packColumn(piece, level).length, 0);
  return COLUMN_ZSTD_LEVELS.map((level) => ({ codec: 'zstd', level, pack: () => pack(level) }));
}

/** What zstd would save. Text parts stay `.gz`, because users rely on the name. */
function zstdForText(what: string, rows: readonly Packing[]): string[] {
  const used = rows.find(({ codec, level }) => codec === 'gzip' && level === GZIP_LEVEL);
  const [best] = [...rows].sort((a, b) => a.usdScannedDaily - b.usdScannedDaily);
  if (!used || !best || best.codec === 'gzip') return [];
  const less = (value: number, than: number) => `${((1 - value / than) * 100).toFixed(0)} %`;
  const cents = (usd: number) => (usd * 100).toPrecision(3);
  return [
    `${what}: for runs that are scanned daily, ${best.codec} ${best.level} is the cheapest of all codecs: ${cents(best.usdScannedDaily)} cents, ${less(best.usdScannedDaily, used.usdScannedDaily)} less than gzip ${GZIP_LEVEL} (${cents(used.usdScannedDaily)}). Athena reads it too, but users rely on parts being named \`.gz\`.`,
  ];
}
