import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { ACCOUNT_FIELDS } from './account-columns.ts';
import { decodeJson, type JsonPage, wellFormedNames } from './json-lines.ts';
import type { EncodedPart, PageFormat } from './page-format.ts';
import { type AccountRow, rowOf } from './parquet-row.ts';
import { PARQUET_SCHEMA } from './parquet-schema.ts';
import { supersededRecords } from './superseded.ts';

/**
 * The cheapest (docs/benchmarks.md): parts are a sixth smaller than at zstd's own 3, for some microseconds an account. Still
 * higher levels cost more than they save.
 */
export const ZSTD_LEVEL = 15;

/** Of JSON in a row group: more than ten thousand usual accounts. */
const GROUP_CHARACTERS = 4 * 1024 * 1024;

const FIELDS: ReadonlySet<string> = new Set(ACCOUNT_FIELDS.map(({ name }) => name));

/**
 * Typed columns from the JSON endpoint, zstd. A field without a column, or with a value that its column cannot hold,
 * goes to `other_fields` as text: nothing is lost, but for half of a surrogate pair, which becomes U+FFFD since UTF-8 has
 * no bytes for it. Of a key that comes twice in an account, the later one counts.
 *
 * zstd, because its parts are smaller than Snappy's, to store and to scan (docs/athena.md has the figures). Athena,
 * Trino, Spark and DuckDB read it.
 */
export function parquetFormat(): PageFormat<JsonPage> {
  return {
    format: 'parquet',
    endpoint: 'json',
    contentType: 'application/vnd.apache.parquet',
    decode: decodeJson,
    encode,
  };
}

async function encode(page: JsonPage): Promise<EncodedPart> {
  const superseded = supersededRecords(page.identities);
  const unmapped = new Set(page.columns.filter((name) => !FIELDS.has(name)));
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: PARQUET_SCHEMA,
    createdBy: 'account-export',
    codec: 'ZSTD',
    compressors: { ZSTD: (piece) => packColumn(piece) },
  });
  for (const { start, end } of groupsOf(page.lines)) {
    const rows = page.lines.slice(start, end).map(rowOf);
    // Also fields that have a column, where a value did not fit it: its NULL in the table deserves the warning.
    for (const { others } of rows) for (const key of others.keys()) unmapped.add(key);
    writer.write({ columnData: columnsOf(rows, (row) => superseded.has(start + row)), rowGroupSize: rows.length });
  }
  writer.finish();
  return { body: bytes.getBytes(), escapedLineBreaks: 0, unmappedColumns: wellFormedNames(unmapped) };
}

function columnsOf(rows: readonly AccountRow[], isSuperseded: (row: number) => boolean): ColumnSource[] {
  const column = (name: string, pick: (row: AccountRow, position: number) => unknown): ColumnSource => {
    const data = rows.map(pick);
    // The writer's dictionaries take 0 and -0 for one value, the first of them for both.
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
 * The lines of each row group. Nearly all parts have one: a query skips whole columns, and a page has no order that would
 * let it skip rows. A group costs memory for each of its values, twenty times its text: of 22 MB in one group, 1,100 MB.
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

/** One piece of a column. Told its size, zstd makes no tables larger than it. */
export function packColumn(bytes: Uint8Array, level = ZSTD_LEVEL): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length });
}
