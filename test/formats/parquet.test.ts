import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { PARQUET_COLUMNS } from '../../functions/catalog/tables.ts';
import type { EncodedPart } from '../../functions/formats/page-format.ts';
import { parquetFormat } from '../../functions/formats/parquet.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { propertyRuns } from '../support/property-runs.ts';

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
  return new Uint8Array((await part(body)).body).buffer;
}

function part(body: string): Promise<EncodedPart> {
  return format.encode(format.decode(Buffer.from(body)));
}

const duckDb = await (await DuckDBInstance.create(':memory:')).connect();

async function inDuckDb(file: ArrayBuffer, sql: string, values: readonly string[] = []): Promise<unknown[]> {
  // DuckDB caches files by path.
  const path = join(await temporaryFolder(), 'part.parquet');
  await writeFile(path, Buffer.from(file));
  const result = await duckDb.runAndReadAll(sql.replace('PART', `read_parquet('${path}')`), [...values]);
  return result.getRowObjectsJson();
}

function inHyparquet(file: ArrayBuffer): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file, compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) }, utf8: true });
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

  it('reads integers as Java prints doubles', async () => {
    const sql = "SELECT totalactions, lastactivity FROM PART WHERE name = 'c'";
    expect(await inDuckDb(await written(body), sql)).toEqual([
      { totalactions: '51', lastactivity: '2013-01-20 00:00:00' },
    ]);
  });

  it('has the columns and types of the Glue table in order', async () => {
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

  it('stores times in milliseconds, the finest precision that Athena reads', async () => {
    const { schema } = parquetMetadata(await written(body));
    expect(schema.find(({ name }) => name === 'firstactivity')).toMatchObject({
      type: 'INT64',
      converted_type: 'TIMESTAMP_MILLIS',
    });
  });

  it('writes a file for a page without accounts', async () => {
    expect(await inDuckDb(await written('[]'), 'SELECT count(*)::INT AS n FROM PART')).toEqual([{ n: 0 }]);
  });

  it('writes equal bytes for equal pages', async () => {
    expect(Buffer.from(await written(body))).toEqual(Buffer.from(await written(body)));
  });

  it('compresses every column with zstd in one row group, without variable metadata', async () => {
    const { row_groups, created_by, key_value_metadata } = parquetMetadata(await written(body));
    expect(row_groups).toHaveLength(1);
    expect(new Set(row_groups[0]?.columns.map(({ meta_data }) => meta_data?.codec))).toEqual(new Set(['ZSTD']));
    expect({ created_by, key_value_metadata }).toEqual({
      created_by: 'account-export',
      key_value_metadata: undefined,
    });
  });

  it('splits a page with much text into several row groups and keeps order and superseded marks', async () => {
    const note = 'x'.repeat(1024 * 1024);
    const names = ['a', 'b', 'c', 'd', 'b', 'e', 'f', 'g', 'h', 'a'];
    const sent = names.map((name, i) =>
      JSON.stringify({ name, totalActions: i, attributes: { note }, [`field${i}`]: 1 }),
    );
    const { body: bytes, unmappedColumns } = await part(`[${sent.join(',')}]`);
    const file = new Uint8Array(bytes).buffer;
    expect(parquetMetadata(file).row_groups.map(({ num_rows }) => num_rows)).toEqual([4n, 4n, 2n]);
    expect(unmappedColumns).toEqual(names.map((_, i) => `field${i}`));
    const sql =
      'SELECT name, totalactions::INT AS i, superseded, length(attributes.note)::INT AS characters FROM PART WHERE length(attributes.note) > 0 ORDER BY i';
    expect(await inDuckDb(file, sql)).toEqual(
      names.map((name, i) => ({ name, i, superseded: i < 2 ? true : null, characters: 1024 * 1024 })),
    );
    const inOrder = (await inHyparquet(file)).map(({ name }) => name);
    expect(inOrder).toEqual(names);
  });

  it('distinguishes -0.0 from 0.0 in any order', async () => {
    const zeros = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? '0.0' : '-0.0'));
    const sent = zeros.map((zero, i) => `{"engagementScore":${zero},"engagementPercentChange":${zeros[19 - i]}}`);
    const rows = await inHyparquet(await written(`[${sent.join(',')}]`));
    expect(rows.map(({ engagementscore }) => Object.is(engagementscore, -0))).toEqual(
      zeros.map((zero) => zero === '-0.0'),
    );
    expect(rows.map(({ engagementpercentchange }) => Object.is(engagementpercentchange, -0))).toEqual(
      zeros.map((zero) => zero === '0.0'),
    );
  });

  it('distinguishes an empty map, a missing map and null in a map', async () => {
    const sent = '[{"attributes":{}},{"attributes":null},{"name":"x"},{"attributes":{"a":null}}]';
    const rows = (await inDuckDb(await written(sent), 'SELECT attributes FROM PART')) as { attributes: unknown }[];
    expect(rows.map(({ attributes }) => attributes)).toEqual([[], null, null, [{ key: 'a', value: null }]]);
  });

  it.each([
    ['9007199254740993', '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['51.0', '51'],
    ['0.0', '0'],
    ['-5.10e1', '-51'],
    ['1.35864E12', '1358640000000'],
    ['null', null],
  ])('stores totalActions %s as %s', async (sent, held) => {
    const rows = await inDuckDb(await written(`[{"totalActions":${sent}}]`), 'SELECT * FROM PART');
    expect(rows).toEqual([{ ...NOTHING, name: null, totalactions: held }]);
  });

  it.each([
    ['totalActions', '9223372036854775808', 'totalActions_as_sent', '9223372036854775808'],
    ['totalActions', '51.5', 'totalActions_as_sent', '51.5'],
    ['totalActions', '51.00000000000000000001', 'totalActions_as_sent', '51.00000000000000000001'],
    ['totalActions', '4503599627370496.3', 'totalActions_as_sent', '4503599627370496.3'],
    ['totalActions', '1e-400', 'totalActions_as_sent', '1e-400'],
    ['engagementScore', '1e999', 'engagementScore_as_sent', '1e999'],
    ['engagementScore', '{"a":1.10}', 'engagementScore_as_sent', '{"a":1.10}'],
    ['lastActivity', '8640000000000001', 'lastActivity_as_sent', '8640000000000001'],
    ['lastActivity', '"2013-01-20"', 'lastActivity_as_sent', '2013-01-20'],
    ['attributes', '["a"]', 'attributes_as_sent', '["a"]'],
    ['superseded', 'true', 'superseded_as_sent', 'true'],
    ['other_fields', '{"a":"b"}', 'other_fields', '{"a":"b"}'],
  ])('moves %s %s, which its column cannot hold, to other_fields', async (field, sent, key, kept) => {
    const { body: bytes, unmappedColumns } = await part(`[{"${field}":${sent}}]`);
    expect(await inDuckDb(new Uint8Array(bytes).buffer, 'SELECT * FROM PART')).toEqual([
      { ...NOTHING, name: null, other_fields: [{ key, value: kept }] },
    ]);
    expect(unmappedColumns).toContain(key);
  });

  it('keeps unknown nested values as sent, except for whitespace between tokens', async () => {
    const sent = String.raw`[{"zeta": {"2": "\u00e9\/", "1": [1.50, "a, ]}\\"], "x": 1, "x": 2}, "__proto__": {"y": []}}]`;
    expect(await inDuckDb(await written(sent), 'SELECT other_fields FROM PART')).toEqual([
      {
        other_fields: [
          { key: 'zeta', value: String.raw`{"2":"\u00e9\/","1":[1.50,"a, ]}\\"],"x":1,"x":2}` },
          { key: '__proto__', value: '{"y":[]}' },
        ],
      },
    ]);
  });

  it('uses the later value of a repeated key, in any case, and keeps what was sent', async () => {
    const sent =
      '[{"name":"a","NAME":"b","totalActions":1,"totalActions":2,"zeta":1,"zeta":2,"attributes":{"k":"1","k":"2"}}]';
    const { body: bytes, unmappedColumns } = await part(sent);
    expect(await inDuckDb(new Uint8Array(bytes).buffer, 'SELECT * FROM PART')).toEqual([
      {
        ...NOTHING,
        name: 'b',
        totalactions: '2',
        attributes: [{ key: 'k', value: '2' }],
        other_fields: [
          { key: 'name_as_sent', value: 'a' },
          { key: 'totalActions_as_sent', value: '1' },
          { key: 'zeta', value: '2' },
          { key: 'attributes_as_sent', value: '{"k":"1","k":"2"}' },
        ],
      },
    ]);
    expect(unmappedColumns).toEqual(['attributes_as_sent', 'name_as_sent', 'totalActions_as_sent', 'zeta']);
  });

  it('has each key of other fields once: the last value that did not fit its column', async () => {
    const sent = '[{"lastActivity":"n/a","zeta":1,"lastActivity":8640000000000001}]';
    expect(await inDuckDb(await written(sent), 'SELECT other_fields FROM PART')).toEqual([
      {
        other_fields: [
          { key: 'lastActivity_as_sent', value: '8640000000000001' },
          { key: 'zeta', value: '1' },
        ],
      },
    ]);
  });

  it('keeps the order of attributes and fields with numbers as names', async () => {
    const sent = '[{"zeta":1.0,"5":2.0,"attributes":{"x":1.10,"2024":[1.0],"1":3.0}}]';
    expect(await inDuckDb(await written(sent), 'SELECT attributes, other_fields FROM PART')).toEqual([
      {
        attributes: [
          { key: 'x', value: '1.10' },
          { key: '2024', value: '[1.0]' },
          { key: '1', value: '3.0' },
        ],
        other_fields: [
          { key: 'zeta', value: '1.0' },
          { key: '5', value: '2.0' },
        ],
      },
    ]);
  });

  it('has the same map of attributes in any shape, and keeps what was sent', async () => {
    const sent = ['{"a":1.10,"b":["x"]}', '[{"name":"a","value":1.10},{"name":"b","value":["x"]}]'].concat(
      '{"a":{"value":1.10,"metadata":{}},"b":{"value":["x"]}}',
    );
    const body = `[${sent.map((shape) => `{"attributes":${shape}}`).join()}]`;
    const { body: bytes, unmappedColumns } = await part(body);
    const attributes = [
      { key: 'a', value: '1.10' },
      { key: 'b', value: '["x"]' },
    ];
    const sql = 'SELECT attributes, other_fields FROM PART';
    expect(await inDuckDb(new Uint8Array(bytes).buffer, sql)).toEqual([
      { attributes, other_fields: null },
      { attributes, other_fields: [{ key: 'attributes_sent_as_array', value: sent[1] }] },
      { attributes, other_fields: [{ key: 'attributes_sent_as_objects', value: sent[2] }] },
    ]);
    expect(unmappedColumns).toEqual(['attributes_sent_as_array', 'attributes_sent_as_objects']);
  });

  it('stores a number in a text column digit for digit, as JSON parts do', async () => {
    const rows = await inDuckDb(
      await written('[{"name":9007199254740993,"accountStatus":1.10}]'),
      'SELECT * FROM PART',
    );
    expect(rows).toEqual([{ ...NOTHING, name: '9007199254740993', accountstatus: '1.10' }]);
  });

  it('preserves any account, read with DuckDB and with hyparquet', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(account, { maxLength: 12 }), async (accounts) => {
        const expected = accounts.map(({ columns }, i) => ({
          ...columns,
          superseded: accounts.slice(i + 1).some(({ columns: { name } }) => name === columns.name) ? true : null,
        }));
        const file = await written(`[${accounts.map(({ json }) => json).join()}]`);
        const inDuck = await inDuckDb(file, 'SELECT * REPLACE (epoch_ms(firstactivity) AS firstactivity) FROM PART');
        expect(inDuck).toEqual(expected);
        const inJs = await inHyparquet(file);
        expect(inJs.map(asDuckDbHasIt)).toEqual(expected.map(withoutProto));
      }),
      { numRuns: propertyRuns(15, 60) },
    );
  });

  it('has the minimum and maximum of scalar columns, by which queries can skip it, and not of maps', async () => {
    const body = '[{"name":"a","totalActions":3,"attributes":{"a":"b"},"more":1},{"name":"b","totalActions":5}]';
    const chunks = parquetMetadata(await written(body)).row_groups.flatMap(({ columns }) => columns);
    const bounds = chunks.map(({ meta_data }) => [
      meta_data?.path_in_schema.join('.'),
      meta_data?.statistics?.max_value,
    ]);
    expect(Object.fromEntries(bounds)).toMatchObject({ name: 'b', totalactions: 5n });
    const maps = chunks.filter(({ meta_data }) => (meta_data?.path_in_schema.length ?? 0) > 1);
    expect(maps).toHaveLength(6);
    expect(maps.filter(({ meta_data }) => meta_data?.statistics !== undefined)).toEqual([]);
  });

  it('lets a query find every account by name despite truncated column statistics', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(nastyText, { minLength: 1, maxLength: 4 }), async (names) => {
        const file = await written(JSON.stringify(names.map((name) => ({ name }))));
        for (const name of names)
          expect(await inDuckDb(file, 'SELECT name FROM PART WHERE name = $1', [name])).toEqual([{ name }]);
      }),
      { numRuns: propertyRuns(8, 30) },
    );
  });
});

type Held = Record<string, unknown>;
type HeldMap = { key: string; value: unknown }[];

/** Any valid UTF-8; some longer than the 16 bytes to which statistics are truncated. */
const nastyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', minLength: 10, maxLength: 40 }),
  fc.constantFrom(
    'NaN',
    'null',
    '',
    ' x ',
    '\u0000',
    '\ud83d\ude80\u2028',
    `${'\uffff'.repeat(6)}\u{10ffff}`,
    '\\N',
    '"',
  ),
);

/** A value as sent, and as DuckDB should return it. */
type Sent<T> = readonly [json: string, held: T];

const text: fc.Arbitrary<Sent<string>> = nastyText.map((value) => [JSON.stringify(value), value]);

const mapValue: fc.Arbitrary<Sent<string | null>> = fc.oneof(
  text,
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map((n): Sent<string> => [`${n}`, `${n}`]),
  fc
    .tuple(fc.nat(), fc.nat(9999), fc.constantFrom('', '0', 'e5', 'E-7'))
    .map(([whole, fraction, end]) => `${whole}.${fraction}${end}`)
    .map((digits): Sent<string> => [digits, digits]),
  fc.constantFrom<Sent<string | null>>(['true', 'true'], ['false', 'false'], ['null', null]),
  fc.jsonValue({ maxDepth: 2 }).map((inner): Sent<string> => [JSON.stringify({ inner }), JSON.stringify({ inner })]),
);

const mapOf = (key: fc.Arbitrary<string>): fc.Arbitrary<Sent<HeldMap>> =>
  fc
    .uniqueArray(fc.tuple(key, mapValue), { maxLength: 6, selector: ([name]) => name })
    .map((entries) => [
      `{${entries.map(([name, [json]]) => `${JSON.stringify(name)}:${json}`).join()}}`,
      entries.map(([name, [, value]]) => ({ key: name, value })),
    ]);

/** Few names, so that some accounts appear twice. */
const fields = fc.record(
  {
    name: fc.oneof(fc.constantFrom<Sent<string>>(['"a"', 'a'], ['"b"', 'b']), text),
    engagementScore: fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((n): Sent<number> => (n === 0 ? ['0', 0] : [`${n}`, n])),
    firstActivity: fc
      .integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 })
      .map((n): Sent<string> => [`${n}`, `${n}`]),
    totalActions: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n): Sent<string> => [`${n}`, `${n}`]),
    accountStatus: text,
    attributes: mapOf(nastyText),
    segmentInputValues: mapOf(nastyText),
  },
  { requiredKeys: ['name'] },
);

/** An account with known fields in any order, and unknown ones with a prefix that no known field has. */
const account = fc
  .tuple(fields.chain(inAnyOrder), mapOf(nastyText.map((key) => `x${key}`)))
  .map(([known, [unknownJson, unknownHeld]]) => ({
    json: `{${[...known.map(([field, [json]]) => `"${field}":${json}`), unknownJson.slice(1, -1)].filter(Boolean).join()}}`,
    columns: {
      ...NOTHING,
      ...(Object.fromEntries(known.map(([field, [, held]]) => [field.toLowerCase(), held])) as { name: string }),
      other_fields: unknownHeld.length > 0 ? unknownHeld : null,
    },
  }));

function inAnyOrder(record: Record<string, Sent<unknown>>): fc.Arbitrary<[string, Sent<unknown>][]> {
  const entries = Object.entries(record);
  return fc.shuffledSubarray(entries, { minLength: entries.length });
}

const MAPS = ['attributes', 'segmentinputvalues', 'other_fields'];

/** hyparquet returns maps as plain objects, which reorder keys. */
function asDuckDbHasIt(row: Held): Held {
  return mapColumns(row, (column, value) => {
    if (MAPS.includes(column)) return sorted(Object.entries(value).map(([key, inner]) => ({ key, value: inner })));
    if (value instanceof Date) return `${value.getTime()}`;
    return typeof value === 'bigint' ? `${value}` : value;
  });
}

/** Expected rows without `__proto__`, which plain objects lose. */
function withoutProto(row: Held): Held {
  return mapColumns(row, (column, value) =>
    MAPS.includes(column) ? sorted((value as HeldMap).filter(({ key }) => key !== '__proto__')) : value,
  );
}

function mapColumns(row: Held, held: (column: string, value: NonNullable<unknown>) => unknown): Held {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value == null ? null : held(key, value)]));
}

function sorted(map: HeldMap): HeldMap {
  return map.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
