import { constants, zstdCompressSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { ACCOUNT_FIELDS } from './account-columns.ts';
import { decodeJson, type JsonPage } from './json-lines.ts';
import type { EncodedPart, PageFormat } from './page-format.ts';
import { type AccountRow, rowOf } from './parquet-row.ts';
import { PARQUET_SCHEMA } from './parquet-schema.ts';
import { supersededRecords } from './superseded.ts';

/**
 * The cheapest (docs/benchmarks.md): parts are a sixth smaller than at zstd's own 3, for some microseconds an account. Still
 * higher levels cost more than they save.
 */
export const ZSTD_LEVEL = 15;

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
  const rows = page.lines.map(rowOf);
  const column = (name: string, pick: (row: AccountRow, position: number) => unknown) => ({
    name,
    data: rows.map(pick),
  });
  const body = parquetWriteBuffer({
    schema: PARQUET_SCHEMA,
    columnData: [
      ...ACCOUNT_FIELDS.map((field) => {
        const name = field.name.toLowerCase();
        return column(name, (row) => row.values.get(name) ?? null);
      }),
      column('other_fields', (row) => (row.others.size > 0 ? row.others : null)),
      column('superseded', (_row, position) => (superseded.has(position) ? true : null)),
    ],
    // One group a part: a query skips whole columns, and a page has no order that would let it skip rows.
    rowGroupSize: Math.max(1, rows.length),
    createdBy: 'account-export',
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => packColumn(bytes) },
  });
  return { body: new Uint8Array(body), escapedLineBreaks: 0, unmappedColumns: unmappedColumns(page, rows) };
}

/** One piece of a column. Told its size, zstd makes no tables larger than it. */
export function packColumn(bytes: Uint8Array, level = ZSTD_LEVEL): Buffer {
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  return zstdCompressSync(bytes, { params, pledgedSrcSize: bytes.length });
}

/** Also fields that have a column, where a value did not fit it: its NULL in the table deserves the warning. */
function unmappedColumns(page: JsonPage, rows: readonly AccountRow[]): string[] {
  const names = new Set(page.columns.filter((name) => !FIELDS.has(name)));
  for (const { others } of rows) for (const key of others.keys()) names.add(key);
  return [...names].sort();
}
