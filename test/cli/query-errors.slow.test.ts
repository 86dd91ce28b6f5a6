/** No error of a query contains account data, or advice of DuckDB that nobody can follow. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { manifestKey } from '../../functions/export/storage/bucket-layout.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { compress, decompress } from '../../functions/formats/compression.ts';
import { type PartEncoding, partExtension } from '../../functions/model/export-format.ts';
import { account, arrayApi } from '../support/array-api.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { queryRows } from '../support/query-rows.ts';
import { randomFrom } from '../support/random.ts';
import { runSteps } from '../support/run-steps.ts';

const SECRET = 'Geheim4711';
const LIST = Array.from({ length: 30 }, (_, i) =>
  account(
    `${SECRET} ${i}`,
    `,"totalActions":9223372036854775807,"engagementScore":0.5,"accountStatus":"{${SECRET}","attributes":{"${i % 2 ? 'a' : 'b'}":"${SECRET} [${i}","json":"{\\"${SECRET}\\":1}"}`,
  ),
);
const FORBIDDEN = new RegExp(
  `${SECRET}|4711|try setting|sample_size|ignore_errors|possible (fixes|solutions)|LINE \\d|SET |auto_detect|null_padding|\\n`,
  'i',
);

/** A folder with one run, and the path of its only part. */
async function exported(encoding: PartEncoding): Promise<{ folder: string; part: string }> {
  const folder = await temporaryFolder();
  await runSteps(arrayApi({ list: LIST }).api, directoryStore(folder), 'r').all({ ...encoding, pageSize: 100 });
  const names = await readdir(folder, { recursive: true });
  return { folder, part: join(folder, names.find((name) => name.includes('part-00000')) ?? '') };
}

/** The message of the error, without which the query succeeded. */
async function errorOf(folder: string, sql: string): Promise<string | undefined> {
  try {
    await queryRows(folder, sql);
    return undefined;
  } catch (error) {
    expect(['RequestError', 'ConfigError']).toContain((error as Error).name);
    return (error as Error).message;
  }
}

/** Statements that fail because of a value, in many functions. */
const FAILING = [
  'CAST(name AS bigint)',
  'CAST(name AS timestamp)',
  'CAST(name AS boolean)',
  'CAST(name AS uuid)',
  'CAST(account_status AS json)',
  'CAST(account_status AS map(varchar, varchar))',
  'total_actions + total_actions',
  'CAST(total_actions AS integer)',
  'json_parse(account_status)',
  "json_extract_string(account_status, '$.a')",
  "json_extract('{}', '$[' || name)",
  "json_transform(account_status, '{}')",
  "regexp_like('x', account_status || '(')",
  'from_iso8601_timestamp(name)',
  "date_parse(name, '%Y')",
  'date_trunc(name, now())',
  'date_add(name, 1, now())',
  'date_diff(name, now(), now())',
  'now() AT TIME ZONE name',
  'error(name)',
  'from_unixtime(total_actions * 1e9)',
  'unhex(name)',
  'from_base64(name)',
  'map(ARRAY[name, name], ARRAY[1, 2])',
  "format(name || '{:d}', name)",
  "printf('%d', name)",
  'current_setting(name)',
  'ln(-engagement_score)',
  '(SELECT h.name FROM accounts_history h)',
  'make_date(total_actions, 1, 1)',
  'name::INET',
  'unknown_column',
  'unknown_function(name)',
];

describe('a statement that fails because of a value', () => {
  it.each(['json', 'csv', 'parquet'] as const)('is reported without the value: %s', async (format) => {
    const { folder } = await exported({ format });
    const quoted: unknown[] = [];
    const failures: string[] = [];
    for (const expression of FAILING) {
      const message = await errorOf(folder, `SELECT ${expression} FROM accounts_latest`);
      if (message !== undefined) failures.push(message);
      if (message !== undefined && FORBIDDEN.test(message)) quoted.push([expression, message]);
    }
    expect(quoted).toEqual([]);
    expect(failures.length).toBeGreaterThan(20);
  });

  it('is explained, and one with an error of its own keeps the message of DuckDB', async () => {
    const { folder } = await exported({ format: 'json' });
    const message = (expression: string) => errorOf(folder, `SELECT ${expression} FROM accounts_latest`);
    expect(await message('CAST(name AS bigint)')).toBe(
      'Query failed: a value cannot be converted to the type in the query: use try_cast, which returns NULL instead.',
    );
    expect(await message('total_actions + total_actions')).toBe(
      'Query failed: a result is too large for its type: cast to a larger type, or use try(…).',
    );
    expect(await message('unknown_column')).toMatch(/^Query failed: Binder Error: .*"unknown_column" not found/);
    expect(await message('unknown_function(name)')).toMatch(/^Query failed: Catalog Error: .*unknown_function/);
    expect(await message('name +')).toMatch(/^Query failed: Parser Error: syntax error/);
  });
});

/** Contents of a part, from that of a good one. */
const TEXTS: Readonly<Record<string, (good: string) => string | Buffer>> = {
  'cut off in a value': (good) => good.slice(0, good.indexOf(SECRET) + 6),
  'half of the text': (good) => good.slice(0, good.length / 2),
  'without its last quote': (good) => good.replace(/"([^"]*)$/, '$1'),
  'with a quote too many': (good) => good.replace(SECRET, `"${SECRET}`),
  'with a line of text': (good) => good.replace('\n', `\n${SECRET}\n`),
  'with an empty line': (good) => good.replace('\n', '\n\n'),
  'with more values': (good) => good.replace('\n', `\n"${SECRET}","${SECRET}",`),
  'with a line break in a value': (good) => good.replaceAll(`${SECRET} `, `${SECRET}\n`),
  'with NUL': (good) => good.replaceAll(SECRET, `${SECRET}\0`),
  'invalid UTF-8': (good) => Buffer.from(good.replaceAll(SECRET, `${SECRET}ÿ`), 'latin1'),
  'UTF-16': (good) => Buffer.from(good, 'utf16le'),
  'without a header': (good) => good.slice(good.indexOf('\n') + 1),
  'text alone': () => `${SECRET}\n`,
  'one quote': () => `"${SECRET}`,
  empty: () => '',
  'an array': (good) => `[${good.trim().split('\n').join(',')}]\n`,
  'other objects': () => `{"${SECRET}":{"${SECRET}":[1]}}\n`,
  numbers: () => '4711\n4712\n',
};

const QUERIES = [
  'SELECT count(*) FROM accounts_latest',
  'SELECT * FROM accounts_latest',
  'SELECT name FROM accounts_history ORDER BY name LIMIT 3',
  'SELECT CAST(name AS bigint) FROM accounts_latest',
];

const ENCODINGS: readonly PartEncoding[] = [
  { format: 'json' },
  { format: 'csv' },
  { format: 'json', compression: 'zstd' },
  { format: 'csv', compression: 'zstd' },
  { format: 'parquet' },
];

describe.each(ENCODINGS.map((encoding) => [partExtension(encoding), encoding] as const))(
  'a damaged %s part',
  (_extension, encoding) => {
    const { format, compression } = encoding;

    async function check(folder: string, what: string, failures: string[]): Promise<void> {
      const tables = [...QUERIES, `SELECT * FROM accounts_${format}`];
      for (const sql of tables) {
        const message = await errorOf(folder, sql);
        if (message === undefined) continue;
        failures.push(message);
        if (FORBIDDEN.test(message)) expect([what, sql, message]).toEqual('an error without account data');
      }
    }

    /** Replaces the part. If it is as published, no checksum shows that it is damaged. */
    async function replace({ folder, part }: { folder: string; part: string }, body: Buffer, asPublished: boolean) {
      await writeFile(part, body);
      if (!asPublished) return;
      const manifest = await readManifest(directoryStore(folder), 'r');
      const parts = manifest?.parts.map((one) => ({ ...one, bytes: body.length }));
      await writeFile(join(folder, manifestKey('r')), JSON.stringify({ ...manifest, parts }));
    }

    it.skipIf(format === 'parquet')('whose text is damaged is reported without its text', async () => {
      const failures: string[] = [];
      for (const [what, damage] of Object.entries(TEXTS)) {
        const place = await exported(encoding);
        const text = damage((await decompress(await readFile(place.part))).toString());
        await replace(place, await compress(text, compression), true);
        await check(place.folder, what, failures);
      }
      expect(failures.length).toBeGreaterThan(20);
    });

    it('whose bytes are damaged is reported by its name', async () => {
      const place = await exported(encoding);
      const good = await readFile(place.part);
      const next = randomFrom(21);
      const failures: string[] = [];
      for (let i = 0; i < 6; i++) {
        const body = Buffer.from(good);
        for (let n = 0; n < 4; n++) body[Math.floor(next() * body.length)] = Math.floor(next() * 256);
        await replace(place, i % 3 === 0 ? good.subarray(0, Math.floor(next() * good.length)) : body, i % 2 === 0);
        await check(place.folder, `bytes ${i}`, failures);
      }
      const others = failures.filter((message) => !message.startsWith('Query failed: a value cannot be converted'));
      expect(others.length).toBeGreaterThan(5);
      for (const message of others) expect(message).toContain(`Cannot read ${place.part} of run "r" (`);
    });
  },
);
