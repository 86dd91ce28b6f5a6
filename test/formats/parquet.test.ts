import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { PARQUET_COLUMNS } from '../../functions/catalog/tables.ts';
import { parquetFormat } from '../../functions/formats/parquet.ts';
import { temporaryFolder } from '../support/command-line.ts';

const format = parquetFormat();
const NOTHING = {
  engagementscore: null,
  engagementpercentchange: null,
  firstactivity: null,
  lastactivity: null,
  totalactions: null,
  accountstatus: null,
  attributes: null,
  segmentjoined: null,
  segmentinputvalues: null,
  other_fields: null,
  superseded: null,
};

async function written(body: string): Promise<ArrayBuffer> {
  const part = await format.encode(format.decode(Buffer.from(body)));
  return new Uint8Array(part.body).buffer;
}

async function inDuckDb(file: ArrayBuffer, sql: string): Promise<unknown[]> {
  const path = join(await temporaryFolder(), 'part.parquet');
  await writeFile(path, Buffer.from(file));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  return (await connection.runAndReadAll(sql.replace('PART', `read_parquet('${path}')`))).getRowObjectsJson();
}

const body =
  '[{"name":"Rocket 🚀 \\u2028","engagementScore":0.546,"firstActivity":1358640000123,"totalActions":9007199254740993,' +
  '"attributes":{"a":1.10,"b":null,"c":[1.50,"x"],"d":"NaN","e":true},"zeta":{"x":[1.0]},"accountStatus":""},' +
  '{"name":"b","attributes":{},"engagementScore":"n/a"},{"name":"b","totalActions":1.5},{"name":"c","totalActions":51.0,"lastActivity":1.35864E12}]';

describe('parquetFormat', () => {
  it('writes typed columns that DuckDB reads back', async () => {
    expect(await inDuckDb(await written(body), "SELECT * FROM PART WHERE name <> 'c'")).toEqual([
      {
        ...NOTHING,
        name: 'Rocket 🚀 \u2028',
        engagementscore: 0.546,
        firstactivity: '2013-01-20 00:00:00.123',
        totalactions: '9007199254740993',
        accountstatus: '',
        attributes: [
          { key: 'a', value: '1.10' },
          { key: 'b', value: null },
          { key: 'c', value: '[1.50,"x"]' },
          { key: 'd', value: 'NaN' },
          { key: 'e', value: 'true' },
        ],
        other_fields: [{ key: 'zeta', value: '{"x":[1.0]}' }],
      },
      {
        ...NOTHING,
        name: 'b',
        attributes: [],
        superseded: true,
        other_fields: [{ key: 'engagementScore_as_sent', value: 'n/a' }],
      },
      { ...NOTHING, name: 'b', other_fields: [{ key: 'totalActions_as_sent', value: '1.5' }] },
    ]);
  });

  it('takes whole numbers as Java prints them', async () => {
    const sql = "SELECT totalactions, lastactivity FROM PART WHERE name = 'c'";
    expect(await inDuckDb(await written(body), sql)).toEqual([
      { totalactions: '51', lastactivity: '2013-01-20 00:00:00' },
    ]);
  });

  it('has the columns of the Glue table, in order, in types that match', async () => {
    const types: Record<string, string> = {
      string: 'VARCHAR',
      double: 'DOUBLE',
      bigint: 'BIGINT',
      timestamp: 'TIMESTAMP',
      boolean: 'BOOLEAN',
      'map<string,string>': 'MAP(VARCHAR, VARCHAR)',
    };
    const columns = await inDuckDb(await written('[]'), 'DESCRIBE SELECT * FROM PART');
    expect(
      columns
        .map((column) => column as { column_name: string; column_type: string })
        .map(({ column_name, column_type }) => `${column_name} ${column_type}`),
    ).toEqual(PARQUET_COLUMNS.map(({ name, type }) => `${name} ${types[type]}`));
  });

  it('stores times in milliseconds, which is the finest that Athena reads', async () => {
    const { schema } = parquetMetadata(await written(body));
    expect(schema.find(({ name }) => name === 'firstactivity')).toMatchObject({
      type: 'INT64',
      converted_type: 'TIMESTAMP_MILLIS',
    });
  });

  it('writes a file also for a page without accounts', async () => {
    expect(await inDuckDb(await written('[]'), 'SELECT count(*)::INT AS n FROM PART')).toEqual([{ n: 0 }]);
  });

  it('writes the same bytes for the same page', async () => {
    expect(Buffer.from(await written(body))).toEqual(Buffer.from(await written(body)));
  });

  it('reads back equal whatever an account holds', async () => {
    const text = fc.string({ unit: 'grapheme' });
    const account = fc.record(
      {
        name: text,
        engagementScore: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
        totalActions: fc.maxSafeInteger(),
        lastActivity: fc.date({ noInvalidDate: true }).map((date) => date.getTime()),
        // The reader keeps maps as plain objects, which lose this one key; DuckDB reads it back.
        attributes: fc.dictionary(
          text.filter((key) => key !== '__proto__'),
          fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)),
        ),
      },
      { requiredKeys: ['name'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(account, { maxLength: 8, selector: ({ name }) => name }), async (accounts) => {
        const file = await written(JSON.stringify(accounts));
        const rows = await parquetReadObjects({
          file,
          compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) },
          utf8: true,
        });
        expect(rows).toHaveLength(accounts.length);
        for (const [i, row] of rows.entries()) {
          const { name, engagementScore = null, totalActions, lastActivity, attributes } = accounts[i] ?? { name: '' };
          expect(row).toMatchObject({
            name,
            engagementscore: engagementScore,
            totalactions: totalActions === undefined ? null : BigInt(totalActions),
            lastactivity: lastActivity === undefined ? null : new Date(lastActivity),
          });
          const pairs = Object.entries(attributes ?? {}).map(([key, value]) => [
            key,
            value === null ? null : String(value),
          ]);
          if (pairs.length > 0) expect(entriesOf(row.attributes)).toEqual(pairs);
        }
      }),
    );
  });
});

function entriesOf(map: unknown): unknown[] {
  return Array.isArray(map)
    ? map.map(({ key, value }: { key: string; value: unknown }) => [key, value])
    : Object.entries(map as object);
}
