import { constants, zstdCompressSync } from 'node:zlib';
import type { ColumnSource } from 'hyparquet-writer';
import { ACCOUNT_FIELDS, fieldOf } from './account-columns.ts';
import { ZSTD_LEVEL } from './compression.ts';
import { readAccounts, type SentAccounts } from './json-accounts.ts';
import { wellFormedNames } from './json-lines.ts';
import { type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { type AccountColumns, columnsOf } from './parquet-row.ts';
import { PARQUET_SCHEMA } from './parquet-schema.ts';

/** Bytes of JSON per row group: more than 10,000 typical accounts. */
const GROUP_BYTES = 4 * 1024 * 1024;

/**
 * Typed columns from the JSON endpoint, compressed with zstd: smaller than with Snappy (docs/athena.md). Fields without a
 * column, and values that their column cannot hold, are text in `other_fields`. An unpaired surrogate becomes U+FFFD,
 * because UTF-8 cannot represent it.
 */
export function parquetFormat(): PageFormat<SentAccounts> {
  return { decode: (body) => readAccounts(body, { findInexact: true }), encode };
}

async function encode(page: SentAccounts): Promise<EncodedPart> {
  // Runs in other formats start sooner without it.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const superseded = supersededRecords(page.names);
  const unmapped = new Set(page.columns.filter((name) => !fieldOf(name)));
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: PARQUET_SCHEMA,
    createdBy: 'account-export',
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => packColumn(bytes) },
  });
  for (const { start, end } of groupsOf(page)) {
    const columns = columnsOf(page, start, end);
    // Includes fields whose value did not fit their column, which is NULL.
    for (const others of columns.others) for (const { key } of others ?? []) unmapped.add(key);
    const isSuperseded = columns.others.map((_others, i) => (superseded.has(start + i) ? true : null));
    writer.write({ columnData: sourcesOf(columns, isSuperseded), rowGroupSize: end - start });
  }
  writer.finish();
  return { body: bytes.getBytes(), escapedLineBreaks: 0, unmappedColumns: wellFormedNames(unmapped) };
}

/** Maps get no minimum and maximum of keys and values: no query can skip a part by them. */
function sourcesOf({ values, others }: AccountColumns, isSuperseded: (true | null)[]): ColumnSource[] {
  const columns = ACCOUNT_FIELDS.map(({ name, kind }, i): ColumnSource => {
    const data = values[i] ?? [];
    // The dictionary encoding of the writer does not distinguish 0 from -0.
    const isPlain = kind === 'double' && data.some((value) => Object.is(value, -0));
    return {
      name: name.toLowerCase(),
      data,
      statistics: kind !== 'textMap',
      ...(isPlain ? { encoding: 'PLAIN' } : {}),
    };
  });
  return [
    ...columns,
    { name: 'other_fields', data: others, statistics: false },
    { name: 'superseded', data: isSuperseded },
  ];
}

/**
 * The accounts of each row group. Most parts have one: accounts are not sorted, so more groups would not let queries skip rows.
 * The limit saves memory: a single group of 22 MB of JSON takes 1,100 MB.
 */
function* groupsOf({ scanned, adapted }: SentAccounts): Generator<{ readonly start: number; readonly end: number }> {
  let [start, size] = [0, 0];
  for (const [i, record] of scanned.entries()) {
    size += adapted[i]?.length ?? record.end - record.start;
    if (size < GROUP_BYTES && i < scanned.length - 1) continue;
    yield { start, end: i + 1 };
    [start, size] = [i + 1, 0];
  }
}

/** Compresses part of a column. With its size known, zstd allocates smaller tables. */
export function packColumn(bytes: Uint8Array, level = ZSTD_LEVEL): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length });
}
