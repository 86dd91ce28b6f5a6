/** How parts are best packed: what packing takes, against a year of keeping and reading what it made. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { GZIP_LEVEL } from '../functions/formats/gzip.ts';
import { packColumn, ZSTD_LEVEL } from '../functions/formats/parquet.ts';
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

/** A part of the default page size. */
const ACCOUNTS = 1000;
const GZIP_LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const TEXT_ZSTD_LEVELS = [1, 3, 6, 9, 12, 15] as const;
const COLUMN_ZSTD_LEVELS = [1, 3, 6, 9, 12, 15, 17, 19] as const;

export const benchmark: Benchmark = async ({ quick }) => {
  const rounds = quick ? { rounds: 2, warmUp: 1, times: 2 } : { rounds: 9, warmUp: 1, times: 8 };
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
      `What is in parts of ${ACCOUNTS.toLocaleString('en-US')} accounts, packed in each way in turn: the text of JSON and CSV parts, and the pieces of`,
      `columns that a Parquet part is made of. Prices are US cents for a million accounts: packing, as time of *Export page* at`,
      `${MEMORY_MB.page} MB with ${shareOfCpu(MEMORY_MB.page).toFixed(2)} of a processor; a year of S3 Standard at ${STORAGE_USD} USD for a GB and month; a scan by Athena at`,
      `${SCAN_USD} USD for a TB of packed bytes, of everything there is. *Once* is packing, a year stored, and one scan; *daily* has`,
      `${DAYS} scans.`,
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

/** Text parts are called `.gz`: what another codec would do for them is only told. */
function zstdForText(what: string, rows: readonly Packing[]): string[] {
  const used = rows.find(({ codec, level }) => codec === 'gzip' && level === GZIP_LEVEL);
  const [best] = [...rows].sort((a, b) => a.usdScannedDaily - b.usdScannedDaily);
  if (!used || !best || best.codec === 'gzip') return [];
  const less = (value: number, than: number) => `${((1 - value / than) * 100).toFixed(0)} %`;
  const cents = (usd: number) => (usd * 100).toPrecision(3);
  return [
    `${what}: of all codecs ${best.codec} ${best.level} is the cheapest where a run is scanned daily, ${cents(best.usdScannedDaily)} cents where gzip ${GZIP_LEVEL} takes ${cents(used.usdScannedDaily)} (${less(best.usdScannedDaily, used.usdScannedDaily)} less). Athena reads it in text, too; but parts are called \`.gz\`, which users rely on, and a name tells the codec.`,
  ];
}
