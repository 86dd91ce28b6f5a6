/** `doctor --save` and `simulate --from`: a tenant's API, played without any of its accounts. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCanSave } from '../../cli/tenant/fingerprint-file.ts';
import { fingerprintOf } from '../../cli/tenant/fingerprint-of.ts';
import type { TenantLook } from '../../cli/tenant/look-at-tenant.ts';
import { collectResponses } from '../../cli/tenant/responses.ts';
import type { Finding } from '../../cli/terminal/findings.ts';
import { NO_USAGE } from '../../functions/model/usage.ts';
import { type Fingerprint, FingerprintSchema, type MemberProfile } from '../../simulator/fingerprint.ts';
import { simulatedAs } from '../../simulator/fingerprint-accounts.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { commandLine, startCommandLine, temporaryFolder } from '../support/command-line.ts';
import { simulatedTenant } from '../support/simulated-tenant.ts';
import { until } from '../support/until.ts';

/** Saves the fingerprint of a tenant. */
async function save(url: string, file: string): Promise<Fingerprint> {
  const { stdout } = await commandLine(['doctor', '--api-url', url, '--dataset', 'engage', '--save', file, '--json']);
  const findings = JSON.parse(stdout) as Finding[];
  expect(findings.at(-1)).toMatchObject({ name: 'fingerprint', status: 'ok', detail: `saved to ${file}` });
  return FingerprintSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}

const SAMPLE = {
  ...{ records: 1, names: ['a'], fields: [], keptAsSent: [], byteOrderMark: false, bytes: 9 },
  ...{ requested: 30, latencyMs: 1 },
};
const LOOK: TenantLook = { first: { value: SAMPLE }, atLeast: 1, requestMs: 1, usage: NO_USAGE };

const withoutLatency = ({ latency: _latency, ...others }: Fingerprint) => others;

const TENANTS: Readonly<Record<string, SimulatorOptions>> = {
  'of the demonstration': {},
  'with plain accounts': { nasty: false },
  'with attributes as arrays': { attributeShape: 'array', unknownField: false },
  'with attributes as objects': { attributeShape: 'objects' },
  'with attributes of several shapes': { attributeShape: 'mixed', seed: 5 },
  'that caps pages': { pageSizeCap: 20 },
  'with pages that are no offsets': { minPageSize: 50 },
  'that ignores the page number': { ignorePage: true },
  'in an unstable order': { unstableOrder: true },
  'with other bodies': {
    compress: false,
    byteOrderMarks: ['csv'],
    contentTypes: { json: 'text/json', csv: undefined },
    csvLineEnd: '\r\n',
    csvFinalNewline: false,
  },
  'with another compression': { encoding: 'br' },
  'with few accounts': { accounts: 7 },
  'with one account': { accounts: 1 },
};

describe('a fingerprint', () => {
  it.each(Object.entries(TENANTS))('of a tenant %s is the same after it was played', async (_name, options) => {
    const folder = await temporaryFolder();
    const real = await save((await simulatedTenant(options)).url, join(folder, 'real.json'));
    const played = await save((await simulatedTenant(simulatedAs(real))).url, join(folder, 'played.json'));
    expect(withoutLatency(played)).toEqual(withoutLatency(real));
  });

  it('contains no value of an account, no host and no key, and only its owner can read it', async () => {
    const { url, tenant } = await simulatedTenant({ attributeShape: 'mixed' });
    const file = join(await temporaryFolder(), 'fingerprint.json');
    await writeFile(file, 'of before', { mode: 0o644 });
    await save(url, file);
    const text = await readFile(file, 'utf8');
    const values = Array.from({ length: 40 }, (_, i) => [...(tenant.csvCells(i)?.values() ?? [])]).flat();
    expect(values.filter((value) => value.length > 4 && text.includes(value))).toEqual([]);
    expect(text).not.toMatch(/demo|secret|127\.0\.0\.1|engage"/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('has what the tenant is like', async () => {
    const file = join(await temporaryFolder(), 'fingerprint.json');
    const { url } = await simulatedTenant({ nasty: false });
    const { json, csv, ...others } = await save(url, file);
    expect({ ...others, latency: undefined }).toEqual({
      version: 1,
      accounts: 12_431,
      sample: 30,
      encoding: 'gzip',
      paging: { order: 'stable', offsets: 'offsets', pageSizeCap: null },
      latency: undefined,
    });
    expect(csv).toMatchObject({ contentType: 'text/csv', charset: 'utf-8', finalNewline: true, lineEnd: '\n' });
    expect(csv?.columns.slice(0, 3)).toEqual(['name', 'engagementScore', 'engagementPercentChange']);
    expect(json.fields[0]).toEqual({
      name: 'name',
      present: 30,
      nulls: 0,
      values: [{ type: 'text', accounts: 30, characters: [16, 16] }],
    });
    const attributes = json.fields.find(({ name }) => name === 'attributes')?.map;
    expect(attributes?.shapes).toEqual({ flat: 30, array: 0, objects: 0, other: 0 });
    expect(attributes?.members.map(({ name }) => name)).toEqual([
      ...['industry', 'region', 'employees', 'annualRevenue', 'owner', 'tier'],
    ]);
  });

  it('is not saved without accounts', async () => {
    const { url } = await simulatedTenant({ keySecret: 'another' });
    const file = join(await temporaryFolder(), 'fingerprint.json');
    const { code, stdout } = await commandLine(['doctor', '--api-url', url, '--dataset', 'engage', '--save', file]);
    expect(code).toBe(1);
    expect(stdout).toContain('warn  fingerprint    not saved: no accounts were read\n      Check again.\n');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it('that cannot be saved after the checks leaves their findings', async () => {
    const folder = join(await temporaryFolder(), 'folder');
    await mkdir(folder);
    const { url } = await simulatedTenant({ onRequest: () => rmSync(folder, { recursive: true, force: true }) });
    const file = join(folder, 'a.json');
    const { code, stdout, stderr } = await commandLine([
      'doctor',
      '--api-url',
      url,
      '--dataset',
      'engage',
      '--save',
      file,
    ]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^ok {4}host .*\nok {4}contract .*\n0 failures, /s);
    expect(stderr).toMatch(/^error: Cannot save the fingerprint to "[^"]*" \(ENOENT\): choose a file in .*\.\n$/);
  });

  it('is saved over no device, whose mode would change', async () => {
    await expect(checkCanSave('/dev/null')).rejects.toThrow(
      'Cannot save the fingerprint to "/dev/null" (not a regular file): choose a file',
    );
  });

  it('is saved to no FIFO that appears during the checks', async () => {
    const file = join(await temporaryFolder(), 'fifo');
    const fifo = async () => execFileSync('mkfifo', [file]);
    const { url } = await simulatedTenant({ onRequest: ({ pageSize }) => void (pageSize === 30 && fifo()) });
    const { code, stderr } = await commandLine(['doctor', '--api-url', url, '--dataset', 'engage', '--save', file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Cannot save the fingerprint to /);
  });

  it('is always one that simulate --from accepts', async () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom('name', 'attributes', '__proto__'),
      fc.constantFrom(...[999, 1000, 1001, 5000].map((length) => 'n'.repeat(length))),
    );
    const counts = fc.constantFrom(0, 1, 3, 9_999, 10_000, 10_001);
    const member = (name: string): MemberProfile => ({ name, present: 1, nulls: 0, values: [] });
    const more = (count: number) => Array.from({ length: count }, (_, i) => `more ${i}`);
    const lists = fc.tuple(fc.array(names, { maxLength: 5 }), counts).map(([some, count]) => [...some, ...more(count)]);
    const shapes = { flat: 1, array: 0, objects: 0, other: 0 };
    fc.assert(
      fc.property(lists, lists, lists, fc.nat(), (fields, members, columns, accounts) => {
        const map = { shapes, members: members.map(member) };
        const saved = fingerprintOf({
          look: {
            ...LOOK,
            sample: {
              value: { ...SAMPLE, fields: [{ ...member('attributes'), map }, ...fields.map(member)] },
            },
            csv: {
              value: { records: 1, names: ['a'], columns, byteOrderMark: false, finalNewline: true, lineEnd: '\n' },
            },
            count: { value: { accounts, countedBy: 'offsets', seconds: 1, apiRequests: 1, recordsFetched: 1 } },
          },
          responses: collectResponses(() => 0),
        });
        expect(FingerprintSchema.safeParse(JSON.parse(JSON.stringify(saved))).error).toBeUndefined();
        const short = fields.filter(({ length }) => length <= 1000).length;
        expect(saved?.json.fields).toHaveLength(Math.min(10_000, short + 1));
      }),
      { numRuns: 20, examples: [[[], [], ['n'.repeat(1001)], 2_000_000_000]] },
    );
  });

  it('that cannot be saved is refused before any request', async () => {
    const { url, requests } = await simulatedTenant();
    const folder = await temporaryFolder();
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    for (const [file, code] of [
      [join(folder, 'fifo'), 'not a regular file'],
      [join(folder, 'missing', 'a.json'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      const ended = await commandLine(['doctor', '--api-url', url, '--dataset', 'engage', '--save', file]);
      expect(ended).toEqual({
        code: 2,
        stdout: '',
        stderr: `error: Cannot save the fingerprint to "${file}" (${code}): choose a file in an existing folder that you may write to.\n`,
      });
    }
    expect(requests).toEqual([]);
  });
});

describe('simulate --from', () => {
  it('serves a tenant that a run exports in all formats', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'fingerprint.json');
    const fingerprint = await save((await simulatedTenant({ attributeShape: 'mixed', accounts: 500 })).url, file);
    const running = startCommandLine(['simulate', '--from', file, '--port', '0', '--accounts', '90']);
    await until(() => running.stdout().includes('--dataset'));
    expect(running.stdout()).toMatch(/^Simulating 90 accounts at /);
    const [url = ''] = /http:\S+/.exec(running.stdout()) ?? [];
    for (const format of ['json', 'csv', 'parquet']) {
      const out = join(folder, format);
      const { code, stdout } = await commandLine([
        ...['run', '--api-url', url, '--dataset', 'engage', '--format', format, '--out', out, '--page-size', '50'],
        '--json',
      ]);
      expect({ code, format }).toEqual({ code: 0, format });
      expect(JSON.parse(stdout)).toMatchObject({
        records: 90,
        distinctAccounts: 90,
        consistency: { verdict: 'consistent' },
      });
    }
    running.interrupt();
    expect((await running.finished).code).toBe(0);
    expect(fingerprint.accounts).toBe(500);
  });

  it.each([
    ['not JSON', '{', 'not JSON'],
    ['of another version', '{"version":2}', 'version is invalid'],
    ['of a number', '5', 'not a fingerprint of this version'],
    ['with another key', 'KEY', 'not a fingerprint of this version'],
    ['with a field that was counted too often', 'COUNT', 'json.fields[0].present is invalid'],
  ])('refuses a file %s with one sentence', async (_name, content, problem) => {
    const file = join(await temporaryFolder(), 'fingerprint.json');
    const valid = await save((await simulatedTenant({ accounts: 3 })).url, file);
    const [first] = valid.json.fields;
    const fields = [{ ...first, present: 1e9 }];
    const text = {
      KEY: JSON.stringify({ ...valid, more: 1 }),
      COUNT: JSON.stringify({ ...valid, json: { ...valid.json, fields } }),
    }[content];
    await writeFile(file, text ?? content);
    expect(await commandLine(['simulate', '--from', file])).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: Cannot read the fingerprint in "${file}" (${problem}): save a new one with doctor --save.\n`,
    });
  });

  it('refuses a missing file, a folder, and flags that contradict it', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'folder'));
    const missing = await commandLine(['simulate', '--from', join(folder, 'missing')]);
    expect(missing.stderr).toMatch(/\(ENOENT\): save a new one with doctor --save\.\n$/);
    const isFolder = await commandLine(['simulate', '--from', join(folder, 'folder')]);
    expect(isFolder.stderr).toMatch(/\(EISDIR\): save/);
    const conflict = await commandLine(['simulate', '--from', 'x', '--attributes', 'array']);
    expect(conflict).toMatchObject({ code: 2, stdout: '' });
    expect(conflict.stderr).toMatch(/^error: option '--from <file>' cannot be used with option '--attributes <shape>'/);
  });
});
