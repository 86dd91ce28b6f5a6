/** Compression levels: bytes against CPU time. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { GZIP_LEVEL, ZSTD_LEVEL } from '../functions/formats/compression.ts';
import { packColumn } from '../functions/formats/parquet.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../functions/model/export-format.ts';
import { inTurn, timed } from './measure.ts';
import { bodyOf, partTextOf, plainParquet } from './pages.ts';
import { other, own, quoted, type Section, type Spread, spreadOf } from './section.ts';

/** Per part: the default page size. */
const ACCOUNTS = 1000;
/** From fast to small. */
const GZIP_LEVELS = [1, 6, 8];
const ZSTD_LEVELS = [3, 9, 15, 19];
const DEFAULTS: Readonly<Record<ExportFormat, string>> = {
  json: `gzip ${GZIP_LEVEL}`,
  csv: `gzip ${GZIP_LEVEL}`,
  parquet: `zstd ${ZSTD_LEVEL}`,
};

interface PackingRow {
  readonly format: ExportFormat;
  /** Such as `gzip 6`. */
  readonly codec: string;
  readonly bytes: number;
  readonly us: Spread;
}

export const section: Section<PackingRow> = {
  question: 'Which compression?',

  async measure(quick) {
    const rounds = quick ? { rounds: 1, warmUp: 0 } : { rounds: 5, warmUp: 1 };
    const rows: PackingRow[] = [];
    for (const format of EXPORT_FORMATS) {
      const packers =
        format === 'parquet' ? columnPackers() : textPackers(await partTextOf(format, bodyOf(format, ACCOUNTS)));
      const times = Object.entries(packers).map(([codec, pack]) => [codec, timed(pack, quick ? 1 : 4)]);
      for (const [codec, ms] of Object.entries(await inTurn(Object.fromEntries(times), rounds))) {
        const us = spreadOf(ms.map((value) => (value * 1000) / ACCOUNTS));
        rows.push({ format, codec, bytes: (packers[codec]?.() ?? 0) / ACCOUNTS, us });
      }
    }
    return rows;
  },

  describe(rows) {
    const isDefault = ({ format, codec }: PackingRow) => codec === DEFAULTS[format];
    const bar = (row: PackingRow) =>
      (isDefault(row) ? own : other)(row.codec, row.bytes, `${row.bytes.toFixed(1)} bytes, ${quoted(row.us, 1)} µs`);
    const inUse = rows.filter(isDefault).map(({ format, codec, bytes, us }) => {
      return `${format} ${codec}: ${bytes.toFixed(0)} bytes and ${us[0].toFixed(1)} µs per account`;
    });
    return {
      answer: `The defaults are ${inUse.join('; ')}.`,
      about: `The text of JSON and CSV parts and the column chunks of Parquet parts of ${ACCOUNTS.toLocaleString('en-US')} accounts, compressed by each codec and level in turn. The defaults are blue; [decision 8](decisions/0008-defaults.md#compression) has the reasons.`,
      chart: EXPORT_FORMATS.map((format) => ({
        title: `${format}: bytes (bar) and CPU time per account`,
        bars: rows.filter((row) => row.format === format).map(bar),
      })),
    };
  },
};

/** By codec and level: compresses the part and returns its bytes. */
type Packers = Record<string, () => number>;

function packersOf(codec: string, levels: readonly number[], pack: (level: number) => number): Packers {
  return Object.fromEntries(levels.map((level) => [`${codec} ${level}`, () => pack(level)]));
}

function textPackers(text: Buffer): Packers {
  const zstd = (level: number) => ({
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: text.length,
  });
  return {
    ...packersOf('gzip', GZIP_LEVELS, (level) => gzipSync(text, { level }).length),
    ...packersOf('zstd', ZSTD_LEVELS, (level) => zstdCompressSync(text, zstd(level)).length),
  };
}

function columnPackers(): Packers {
  const chunks: Uint8Array[] = [];
  plainParquet(JSON.parse(bodyOf('parquet', ACCOUNTS).toString()), (bytes) => {
    chunks.push(bytes.slice());
    return bytes;
  });
  const size = (level: number) => chunks.reduce((sum, chunk) => sum + packColumn(chunk, level).length, 0);
  return packersOf('zstd', ZSTD_LEVELS, size);
}
