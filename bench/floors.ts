/** Lower bounds for converting a page to a part: the same work without checks or exact numbers. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { ACCOUNT_FIELDS, type FieldKind } from '../functions/formats/account-columns.ts';
import { GZIP_LEVEL } from '../functions/formats/compression.ts';
import { packColumn } from '../functions/formats/parquet.ts';
import { PARQUET_SCHEMA } from '../functions/formats/parquet-schema.ts';
import type { ExportFormat } from '../functions/model/export-format.ts';

const packText = promisify(gzip);

export const FLOORS: Readonly<Record<ExportFormat, (body: Buffer) => Promise<unknown>>> = {
  json: (body) => packText(JSON.stringify(JSON.parse(body.toString())), { level: GZIP_LEVEL }),
  csv: (body) => packText(body.toString(), { level: GZIP_LEVEL }),
  parquet: async (body) => plainParquet(JSON.parse(body.toString()) as Record<string, unknown>[]),
};

const VALUES: Readonly<Record<FieldKind, (value: unknown) => unknown>> = {
  text: (value) => value,
  double: (value) => value,
  integer: (value) => BigInt(value as number),
  epochMs: (value) => new Date(value as number),
  textMap: (value) => new Map(Object.entries(value as object).map(([key, inner]) => [key, String(inner)])),
};

/** Writes the same columns with the same writer as a Parquet part, from accounts parsed by `JSON.parse`. */
export function plainParquet(
  accounts: readonly Record<string, unknown>[],
  pack: (bytes: Uint8Array) => Uint8Array = packColumn,
): ArrayBuffer {
  const nulls = accounts.map(() => null);
  return parquetWriteBuffer({
    schema: PARQUET_SCHEMA,
    columnData: [
      ...ACCOUNT_FIELDS.map(({ name, kind }) => ({
        name: name.toLowerCase(),
        data: accounts.map((account) => (account[name] == null ? null : VALUES[kind](account[name]))),
      })),
      { name: 'other_fields', data: nulls },
      { name: 'superseded', data: nulls },
    ],
    rowGroupSize: Math.max(1, accounts.length),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => pack(bytes) },
  });
}
