/** Values that formats and engines could read in different ways: one rule for all. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { manifestKey } from '../../functions/export/storage/bucket-layout.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { queryRows } from '../support/query-rows.ts';
import { runSteps } from '../support/run-steps.ts';

/** A folder with one run, whose parts are replaced by these lines. */
async function folderOf(format: 'json' | 'csv', parts: readonly (readonly string[])[]): Promise<string> {
  const folder = await temporaryFolder();
  const store = directoryStore(folder);
  await runSteps(arrayApi({ list: accounts(1) }).api, store, 'r').all({ format });
  const manifest = await readManifest(store, 'r');
  const [first] = manifest?.parts ?? [];
  const replaced = [];
  for (const [page, lines] of parts.entries()) {
    const key = first?.key.replace('00000', `0000${page}`) ?? '';
    const body = gzipSync(`${lines.join('\n')}\n`);
    await writeFile(join(folder, key), body);
    replaced.push({ key, page, records: lines.length, bytes: body.length, sha256: '' });
  }
  await store.put(manifestKey('r'), Buffer.from(JSON.stringify({ ...manifest, parts: replaced })));
  return folder;
}

const NUMBERS = 'SELECT name, total_actions, first_activity, engagement_score FROM accounts_latest ORDER BY name';

describe('numbers', () => {
  /** As sent, and the value of a bigint, of a time, and of a double. */
  const CELLS: readonly (readonly [string, number | string | null, string | null, number | null])[] = [
    ['51', 51, '1970-01-01 00:00:00.051', 51],
    ['-51', -51, '1969-12-31 23:59:59.949', -51],
    ['51.0', 51, '1970-01-01 00:00:00.051', 51],
    ['5.1E1', 51, '1970-01-01 00:00:00.051', 51],
    ['1.7E12', 1_700_000_000_000, '2023-11-14 22:13:20', 1.7e12],
    ['1.7e+12', 1_700_000_000_000, '2023-11-14 22:13:20', 1.7e12],
    ['51.9', null, null, 51.9],
    ['4503599627370496.3', null, null, 4503599627370496],
    ['9223372036854775807', '9223372036854775807', null, 9223372036854776000],
    ['9223372036854775808', null, null, 9223372036854776000],
    ['253402300799999', 253402300799999, '9999-12-31 23:59:59.999', 253402300799999],
    ['253402300800000', 253402300800000, null, 253402300800000],
    ['-62135596800001', -62135596800001, null, -62135596800001],
    ['1e400', null, null, null],
    ['', null, null, null],
    ['n/a', null, null, null],
    ['NaN', null, null, null],
    ['Infinity', null, null, null],
    ['0x10', null, null, null],
    ['1_000', null, null, null],
    ['1,000', null, null, null],
    ['true', null, null, null],
  ];

  it('in CSV cells', async () => {
    const header = '"name","engagementScore","engagementPercentChange","firstActivity","lastActivity","totalActions"';
    const lines = CELLS.map(([sent], i) => `"${String(i).padStart(2, '0')}","${sent}","","${sent}","","${sent}"`);
    const found = await queryRows(await folderOf('csv', [[header, ...lines]]), NUMBERS);
    expect(found.map((row, i) => [CELLS[i]?.[0], ...row.slice(1)])).toEqual(CELLS.map((cell) => [...cell]));
  });

  const isJson = (sent: string) => /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(sent);

  it('in JSON and in Parquet', async () => {
    const sent = CELLS.filter(([text]) => isJson(text));
    const list = sent.map(
      ([text], i) =>
        `{"name":"${String(i).padStart(2, '0')}","totalActions":${text},"firstActivity":${text},"engagementScore":${text}}`,
    );
    const folder = await temporaryFolder();
    for (const format of ['json', 'parquet']) {
      await runSteps(arrayApi({ list }).api, directoryStore(folder), format).all({
        format,
        exportName: 'numbers',
        maxDropPercent: 100,
      });
      const found = await queryRows(folder, NUMBERS);
      expect(
        found.map((row, i) => [sent[i]?.[0], ...row.slice(1)]),
        format,
      ).toEqual(sent.map((cell) => [...cell]));
    }
  });
});

it('names and attributes in JSON are texts as sent, digit for digit', async () => {
  const lines = ['"5"', '5.0', '5.00', '-0', '1e2', '12345678901234567890123', '9007199254740993', 'true'].map(
    (name) => `{"name":${name},"attributes":{"same":${name},"null":null,"empty":""}}`,
  );
  const names = ['-0', '12345678901234567890123', '1e2', '5', '5.0', '5.00', '9007199254740993', 'true'];
  expect(
    await queryRows(await folderOf('json', [lines]), 'SELECT name, attributes FROM accounts_latest ORDER BY name'),
  ).toEqual(names.map((name) => [name, { same: name, null: null, empty: '' }]));
});

it('numbers in attributes are the text as sent, in any notation', async () => {
  const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,17})$/);
  const decimals = fc.stringMatching(/^([.](0{0,6}[0-9]{0,4}[05]?|[0-9]{1,18}))?$/).filter((text) => text !== '.');
  const exponent = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, fc.stringMatching(/^[eE][-+]?[0-9]{1,2}$/));
  const number = fc.tuple(fc.constantFrom('', '-'), digits, decimals, exponent).map((parts) => parts.join(''));
  const sent = fc.sample(number, 3000);
  const lines = sent.map((text, i) => `{"name":"${1_000_000 + i}","attributes":{"first":${text},"last":${text}}}`);
  const rows = await queryRows(
    await folderOf('json', [lines]),
    "SELECT attributes['first'], attributes['last'] FROM accounts_latest ORDER BY name",
  );
  expect(rows).toEqual(sent.map((text) => [text, text]));
});

describe('parts of earlier versions', () => {
  it('with keys in another case, repeated and escaped keys: the later value counts, as in Athena', async () => {
    const folder = await folderOf('json', [
      [
        '{"Name":"a","ENGAGEMENTSCORE":0.5,"totalactions":51,"Attributes":{"Industry":"x","industry":"y"}}',
        '{"name":"earlier","name":"b","totalActions":1,"totalActions":2}',
        '{"n\\u0061me":"c","engagementScore":1,"EngagementScore":2}',
        '{"name":"d","attributes":{"k":"1","other":1.10,"k":"2"}}',
        '{"name":"e","attributes":{"name":"an attribute","Name":"another"}}',
        '{"name":"f \\ud83d\\ude00 \\ud800","superseded":true}',
        '{"name":"f \\ud83d\\ude00 \\ud800"}',
      ],
    ]);
    const sql = 'SELECT name, engagement_score, total_actions, attributes FROM accounts_latest ORDER BY name';
    expect(await queryRows(folder, sql)).toEqual([
      ['a', 0.5, 51, { Industry: 'x', industry: 'y' }],
      ['b', null, 2, null],
      ['c', 2, null, null],
      ['d', null, null, { other: '1.10', k: '2' }],
      ['e', null, null, { name: 'an attribute', Name: 'another' }],
      ['f 😀 \ufffd', null, null, null],
    ]);
  });
});

describe('CSV whose columns depend on the page', () => {
  it('is read by the header of each part', async () => {
    const folder = await folderOf('csv', [
      ['"name","totalActions","superseded","industry"', '"a","1","","Retail"'],
      ['"name","totalActions","superseded","region","industry"', '"b","2","","EMEA","Banking"'],
      ['"superseded","name"', '"","c"'],
      ['"name","totalActions","superseded","industry"', '"d","4","",""', '"e","5","true","gone"'],
    ]);
    const sql = 'SELECT name, total_actions, attributes FROM accounts_latest ORDER BY name';
    expect(await queryRows(folder, sql)).toEqual([
      ['a', 1, { industry: 'Retail' }],
      ['b', 2, { industry: 'Banking', region: 'EMEA' }],
      ['c', null, {}],
      ['d', 4, {}],
    ]);
    const columns = 'SELECT name, industry, region FROM accounts_csv ORDER BY name';
    expect(await queryRows(folder, columns)).toEqual([
      ['a', 'Retail', null],
      ['b', 'Banking', 'EMEA'],
      ['c', null, null],
      ['d', '', null],
      ['e', 'gone', null],
    ]);
  });
});
