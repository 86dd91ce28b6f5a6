import { zstdCompressSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { ACCOUNT_FIELDS, type AccountField } from './account-columns.ts';
import { decodeJson, type JsonPage } from './json-lines.ts';
import type { EncodedPart, PageFormat } from './page-format.ts';
import { PARQUET_SCHEMA } from './parquet-schema.ts';
import { supersededRecords } from './superseded.ts';

/** A value with the text it was sent as: numbers keep their digits, nested values their JSON. */
type Sent = null | boolean | string | SentNumber | Sent[] | { [key: string]: Sent };

/** A number that no double need hold. */
class SentNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.digits);
  }
}

const FIELDS: ReadonlyMap<string, AccountField> = new Map(
  ACCOUNT_FIELDS.map((field) => [field.name.toLowerCase(), field]),
);

type Row = Record<string, unknown> & { other_fields: Record<string, string | null> | undefined };

/**
 * Typed columns from the JSON endpoint, zstd. A field without a column, or with a value that its column cannot hold,
 * goes to `other_fields` as text: nothing is lost. Of a key that comes twice in an account, the later one counts.
 *
 * zstd, because its parts are a quarter smaller than Snappy's, to store and to scan, and take no longer to write
 * (docs/athena.md has the figures). Athena, Trino, Spark and DuckDB read it.
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
  const rows = page.lines.map((line, i) => rowOf(line, superseded.has(i)));
  const column = (name: string) => ({ name, data: rows.map((row) => row[name] ?? null) });
  const columns = [...FIELDS.keys(), 'other_fields', 'superseded'];
  const body = parquetWriteBuffer({
    schema: PARQUET_SCHEMA,
    columnData: columns.map(column),
    // One group a part: a query skips whole columns, and a page has no order that would let it skip rows.
    rowGroupSize: Math.max(1, rows.length),
    createdBy: 'account-export',
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => zstdCompressSync(bytes) },
  });
  return {
    body: new Uint8Array(body),
    escapedLineBreaks: 0,
    unmappedColumns: page.columns.filter((name) => !ACCOUNT_FIELDS.some((field) => field.name === name)).sort(),
  };
}

function rowOf(line: string, superseded: boolean): Row {
  const row: Row = { other_fields: undefined, superseded: superseded ? true : null };
  for (const [key, value] of Object.entries(readSent(line))) {
    const field = FIELDS.get(key.toLowerCase());
    const typed = field === undefined ? undefined : typedValue(field, value);
    if (field !== undefined && typed !== undefined) row[field.name.toLowerCase()] = typed;
    else row.other_fields = { ...row.other_fields, [key]: asText(value) };
  }
  return row;
}

/** An account whose numbers keep their digits. `JSON.parse` hands a reviver the source of each value (Node 22 on). */
function readSent(line: string): { [key: string]: Sent } {
  const withDigits = ((_key: string, value: unknown, context: { source?: string }) =>
    typeof value === 'number' ? new SentNumber(context.source ?? String(value)) : value) as Parameters<
    typeof JSON.parse
  >[1];
  return JSON.parse(line, withDigits) as { [key: string]: Sent };
}

const INT64_MAX = 2n ** 63n - 1n;
/** The last millisecond that a date of JavaScript holds; readers of TIMESTAMP_MILLIS differ beyond it. */
const DATE_MAX_MS = 8_640_000_000_000_000n;

/** The value for a field's column; `undefined` when the column cannot hold it. */
function typedValue({ kind }: AccountField, value: Sent): unknown {
  if (value === null) return null;
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'decimal':
      return value instanceof SentNumber && Number.isFinite(Number(value.digits)) ? Number(value.digits) : undefined;
    case 'integer':
      return wholeNumber(value, INT64_MAX);
    case 'epochMs': {
      const ms = wholeNumber(value, DATE_MAX_MS);
      return ms === undefined ? undefined : new Date(Number(ms));
    }
    case 'textMap':
      if (typeof value !== 'object' || Array.isArray(value) || value instanceof SentNumber) return undefined;
      return Object.entries(value).map(([key, inner]) => ({ key, value: asText(inner) }));
  }
}

/** A whole number, also one written as `51.0` or `1.35864E12`, as Java prints doubles; exact, or not at all. */
function wholeNumber(value: Sent, max: bigint): bigint | undefined {
  if (!(value instanceof SentNumber)) return undefined;
  const { digits } = value;
  const whole = /^-?\d+$/.test(digits)
    ? BigInt(digits)
    : Number.isSafeInteger(Number(digits))
      ? BigInt(Number(digits))
      : undefined;
  return whole !== undefined && whole <= max && whole >= -max ? whole : undefined;
}

/** Texts as they are, null as null, all else as the JSON it was sent as. */
function asText(value: Sent): string | null {
  if (value === null || typeof value === 'string') return value;
  return value instanceof SentNumber ? value.digits : JSON.stringify(value);
}
