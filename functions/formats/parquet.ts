import { constants, zstdCompressSync } from 'node:zlib';
import type { ColumnSource } from 'hyparquet-writer';
import { ACCOUNT_FIELDS, fieldOf } from './account-columns.ts';
import { ZSTD_LEVEL } from './compression.ts';
import { decodeJson, type JsonPage, wellFormedNames } from './json-lines.ts';
import { type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { type AccountRow, rowOf } from './parquet-row.ts';
import { PARQUET_SCHEMA } from './parquet-schema.ts';

/** JSON characters per row group: more than 10,000 typical accounts. */
const GROUP_CHARACTERS = 4 * 1024 * 1024;

/**
 * Typed columns from the JSON endpoint, compressed with zstd: smaller than with Snappy (docs/athena.md). Fields without a
 * column, and values that their column cannot hold, are text in `other_fields`. An unpaired surrogate becomes U+FFFD,
 * because UTF-8 cannot represent it.
 */
export function parquetFormat(): PageFormat<JsonPage> {
  return { decode: decodeJson, encode };
}

async function encode(page: JsonPage): Promise<EncodedPart> {
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
  for (const { start, end } of groupsOf(page.lines)) {
    const rows = page.lines.slice(start, end).map(rowOf);
    // Includes fields whose value did not fit their column, which is NULL.
    for (const { others } of rows) for (const key of others.keys()) unmapped.add(key);
    writer.write({ columnData: columnsOf(rows, (row) => superseded.has(start + row)), rowGroupSize: rows.length });
  }
  writer.finish();
  return { body: bytes.getBytes(), escapedLineBreaks: 0, unmappedColumns: wellFormedNames(unmapped) };
}

function columnsOf(rows: readonly AccountRow[], isSuperseded: (row: number) => boolean): ColumnSource[] {
  const column = (name: string, pick: (row: AccountRow, position: number) => unknown): ColumnSource => {
    const data = rows.map(pick);
    // The dictionary encoding of the writer does not distinguish 0 from -0.
    return data.some((value) => Object.is(value, -0)) ? { name, data, encoding: 'PLAIN' } : { name, data };
  };
  return [
    ...ACCOUNT_FIELDS.map((field) => {
      const name = field.name.toLowerCase();
      return column(name, (row) => row.values.get(name) ?? null);
    }),
    column('other_fields', (row) => (row.others.size > 0 ? row.others : null)),
    column('superseded', (_row, position) => (isSuperseded(position) ? true : null)),
  ];
}

/**
 * The lines of each row group. Most parts have one: accounts are not sorted, so more groups would not let queries skip rows.
 * The limit saves memory: a single group of 22 MB of JSON takes 1,100 MB.
 */
function* groupsOf(lines: readonly string[]): Generator<{ readonly start: number; readonly end: number }> {
  let [start, size] = [0, 0];
  for (const [i, line] of lines.entries()) {
    size += line.length;
    if (size < GROUP_CHARACTERS && i < lines.length - 1) continue;
    yield { start, end: i + 1 };
    [start, size] = [i + 1, 0];
  }
}

/** Compresses part of a column. With its size known, zstd allocates smaller tables. */
export function packColumn(bytes: Uint8Array, level = ZSTD_LEVEL): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length });
}
