/** The least that a page's bytes can be turned into a part with: what is left when nobody asks what they hold. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { ACCOUNT_FIELDS, type FieldKind } from '../functions/formats/account-columns.ts';
import { GZIP_LEVEL } from '../functions/formats/gzip.ts';
import { packColumn } from '../functions/formats/parquet.ts';
import { PARQUET_SCHEMA } from '../functions/formats/parquet-schema.ts';
import type { Format } from './pages.ts';

const packText = promisify(gzip);

/** What a page of each format is compared to. */
export const FLOORS: Readonly<Record<Format, (body: Buffer) => Promise<unknown>>> = {
  /** `JSON.parse` rounds what no double holds; that is why it is only the floor. */
  json: (body) => packText(JSON.stringify(JSON.parse(body.toString())), { level: GZIP_LEVEL }),
  csv: (body) => packText(body.toString(), { level: GZIP_LEVEL }),
  parquet: async (body) => plainParquet(JSON.parse(body.toString()) as Record<string, unknown>[]),
};

const VALUES: Readonly<Record<FieldKind, (value: unknown) => unknown>> = {
  text: (value) => value,
  decimal: (value) => value,
  integer: (value) => BigInt(value as number),
  epochMs: (value) => new Date(value as number),
  textMap: (value) => new Map(Object.entries(value as object).map(([key, inner]) => [key, String(inner)])),
};

/** The same columns by the same writer, from what `JSON.parse` makes of the accounts. */
export function plainParquet(
  accounts: readonly Record<string, unknown>[],
  pack: (bytes: Uint8Array) => Uint8Array = packColumn,
): ArrayBuffer {
  const none = accounts.map(() => null);
  return parquetWriteBuffer({
    schema: PARQUET_SCHEMA,
    columnData: [
      ...ACCOUNT_FIELDS.map(({ name, kind }) => ({
        name: name.toLowerCase(),
        data: accounts.map((account) => (account[name] == null ? null : VALUES[kind](account[name]))),
      })),
      { name: 'other_fields', data: none },
      { name: 'superseded', data: none },
    ],
    rowGroupSize: Math.max(1, accounts.length),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => pack(bytes) },
  });
}
