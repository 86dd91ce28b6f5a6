/** `report`: where the report of a run is, on this machine, in a bucket, and of a deployed stack. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startSimulator } from '../../simulator/simulator.ts';
import { plannedRun, publishedManifest } from '../export/planned-run.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { cli, publishedOf, STATE_MACHINE, smallWorld } from '../support/small-aws-world.ts';
import { startSmallS3 } from '../support/small-s3.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const published = (runId: string) => `export_runs/run_id=${runId}/_report.html`;
const unpublished = (runId: string) => `work/run_id=${runId}/_report.html`;

/** A folder with runs: published ones by when they were published, and failed ones by when they started. */
async function folderWith(runs: Readonly<Record<string, { at: string; isFailed?: boolean; hasReport?: boolean }>>) {
  const out = await temporaryFolder();
  const write = async (key: string, text: string) => {
    await mkdir(join(out, key, '..'), { recursive: true });
    await writeFile(join(out, key), text);
  };
  for (const [runId, { at, isFailed = false, hasReport = true }] of Object.entries(runs)) {
    const usage = { apiRequests: 1, recordsFetched: 1, retries: {} };
    const plan = { version: 1, run: plannedRun({ runId, startedAt: at }), usage, rounds: 1 };
    await write(`work/run_id=${runId}/plan.json`, JSON.stringify(plan));
    const manifest = publishedManifest({ runId, publishedAt: at });
    if (!isFailed) await write(`export_runs/run_id=${runId}/manifest.json`, JSON.stringify(manifest));
    if (hasReport) await write(isFailed ? unpublished(runId) : published(runId), '<!doctype html>');
  }
  return out;
}

/** Says which run a run repeats. */
async function repeat(out: string, runId: string, retryOf: string) {
  const usage = { apiRequests: 1, recordsFetched: 1, retries: {} };
  const plan = { version: 1, run: plannedRun({ runId, retryOf }), usage, rounds: 1 };
  await writeFile(join(out, `work/run_id=${runId}/plan.json`), JSON.stringify(plan));
}

const DAY = (day: number) => ({ at: `2026-08-${day}T02:00:00.000Z` });

describe('report of a folder', () => {
  it('prints the path of the latest report, published or not, and opens it', async () => {
    const out = await folderWith({ a: DAY(22), b: DAY(20), c: { ...DAY(23), isFailed: true, hasReport: false } });
    const open = vi.fn(async () => undefined);
    expect(await commandLine(['report', '--out', out, '--open'], { open })).toEqual({
      code: 0,
      stdout: `${out}/${published('a')}\n`,
      stderr: '',
    });
    expect(open.mock.calls).toEqual([[pathToFileURL(join(out, published('a'))).href]]);
    await writeFile(join(out, unpublished('c')), '<!doctype html>');
    expect((await commandLine(['report', '--out', out])).stdout).toBe(`${out}/${unpublished('c')}\n`);
  });

  it('prints that of a run, or of the run that repeats it, also as JSON', async () => {
    const out = await folderWith({ a: DAY(22), b: DAY(20), 'b-retry': { ...DAY(21), isFailed: true } });
    await repeat(out, 'b-retry', 'b');
    expect((await commandLine(['report', 'a', '--out', out])).stdout).toBe(`${out}/${published('a')}\n`);
    await rm(join(out, published('b')));
    const { stdout } = await commandLine(['report', 'b', '--out', out, '--json']);
    expect(JSON.parse(stdout)).toEqual({
      runId: 'b-retry',
      report: `${out}/${unpublished('b-retry')}`,
      url: pathToFileURL(join(out, unpublished('b-retry'))).href,
      expiresAt: null,
    });
  });

  it('prints that of the run that was asked for, if it is published or the other one does not repeat it', async () => {
    const retry = { ...DAY(23), isFailed: false };
    const out = await folderWith({ a: DAY(22), 'a-retry': retry, b: { ...DAY(22), isFailed: true }, 'b-retry': retry });
    const placeOf = async (run: string) => (await commandLine(['report', run, '--out', out])).stdout;
    await repeat(out, 'a-retry', 'a');
    expect(await placeOf('a')).toBe(`${out}/${published('a')}\n`);
    expect(await placeOf('b')).toBe(`${out}/${unpublished('b')}\n`);
    await repeat(out, 'b-retry', 'b');
    expect(await placeOf('b')).toBe(`${out}/${published('b-retry')}\n`);
  });

  it('prints the latest one that can be read', async () => {
    const out = await folderWith({ a: DAY(22), b: { ...DAY(23), hasReport: false } });
    await mkdir(join(out, published('b')), { recursive: true });
    expect(await commandLine(['report', '--out', out])).toMatchObject({
      code: 0,
      stdout: `${out}/${published('a')}\n`,
    });
    await rm(join(out, published('a')));
    expect((await commandLine(['report', '--out', out])).code).not.toBe(0);
  });

  it('says why there is none', async () => {
    const out = await folderWith({
      old: { ...DAY(20), hasReport: false },
      running: { ...DAY(21), isFailed: true, hasReport: false },
    });
    const empty = await temporaryFolder();
    const errorOf = async (...args: string[]) => {
      const { code, stdout, stderr } = await commandLine(['report', ...args]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      return stderr;
    };
    expect(await errorOf('old', '--out', out)).toBe(
      `error: No report of run "old" in ${out}/ (an earlier version without reports published it): query its manifest in export_runs instead.\n`,
    );
    expect(await errorOf('running', '--out', out)).toBe(
      `error: No report of run "running" in ${out}/ (the run was interrupted or is still running, or an earlier version without reports made it): if it is not running, resume it.\n`,
    );
    expect(await errorOf('none', '--out', out)).toBe(
      `error: No report of run "none" in ${out}/ (there is no such run, or it failed before it was planned): check the run id and --out.\n`,
    );
    expect(await errorOf('--out', empty)).toBe(
      `error: No report in ${empty}/ (there are no runs): run an export first, or pass another place with --out.\n`,
    );
    expect(await errorOf('--out', out)).toMatch(
      /\(the runs were interrupted or are still running, or an earlier version without reports made them\)/,
    );
    expect(await errorOf('../a', '--out', out)).toMatch(/^error: Invalid /);
    expect(await errorOf('a', '--out', out, '--stack')).toMatch(
      /^error: Conflicting flags: pass either --out or --stack/,
    );
    expect(await errorOf('a', '--region', 'eu-west-1')).toMatch(/^error: Missing --stack/);
    expect(await errorOf('a', '--s3-endpoint', 'http://127.0.0.1:1')).toMatch(
      /^error: Conflicting flags: --s3-endpoint/,
    );
  });

  it('says so when no browser can be opened', async () => {
    const out = await folderWith({ a: DAY(22) });
    const open = () => Promise.reject(Object.assign(new Error('spawn xdg-open'), { code: 'ENOENT' }));
    const { code, stdout, stderr } = await commandLine(['report', '--out', out, '--open'], { open });
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${out}/${published('a')}\n` });
    expect(stderr).toBe('error: Cannot open the browser (ENOENT): open the printed path or link yourself.\n');
  });

  it('finds what run wrote', async () => {
    const simulator = await startSimulator({ accounts: 1234 });
    closing.push(() => simulator.close());
    const out = await temporaryFolder();
    const args = ['run', '--api-url', simulator.url, '--dataset', 'engage', '--out', out, '--run-id', 'run-1'];
    const { stdout } = await commandLine(args);
    expect(stdout).toContain(`  report   ${out}/${published('run-1')}\n`);
    expect((await commandLine(['report', '--out', out])).stdout).toBe(`${out}/${published('run-1')}\n`);
  });
});

it('run says when it could not write the report', async () => {
  const simulator = await startSimulator({ accounts: 12 });
  closing.push(() => simulator.close());
  const out = await temporaryFolder();
  await mkdir(join(out, published('run-1')), { recursive: true });
  const args = ['run', '--api-url', simulator.url, '--dataset', 'engage', '--out', out, '--run-id', 'run-1'];
  const { code, stdout, stderr } = await commandLine(args);
  expect(code).toBe(0);
  expect(stdout + stderr).toContain('Warning    the report could not be written\n');
  expect(stdout).not.toContain('_report.html');
});

describe('report of a bucket', () => {
  it('prints a link that a browser shows as a page', async () => {
    const s3 = await startSmallS3(['exports']);
    closing.push(s3.close);
    s3.put('exports', `prefix/${published('a')}`, Buffer.from('<!doctype html>'));
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret-that-nobody-may-see');
    closing.push(() => vi.unstubAllEnvs());
    const args = ['report', 'a', '--out', 's3://exports/prefix', '--s3-endpoint', s3.url];
    const { code, stdout, stderr } = await commandLine(args);
    expect(code).toBe(0);
    const url = new URL(stdout);
    expect(url.pathname).toBe(`/exports/prefix/${published('a').replace('=', '%3D')}`);
    expect(url.searchParams.get('response-content-type')).toBe('text/html; charset=utf-8');
    expect(url.searchParams.get('X-Amz-Expires')).toBe('3600');
    expect(stderr).toMatch(/^The link works for anyone who has it, until 20\S+Z at the latest\.\n$/);
    expect(await (await fetch(url)).text()).toBe('<!doctype html>');
  });
});

describe('report --stack', () => {
  async function stackWith(keys: readonly string[]) {
    const s3 = await startSmallS3(['exports']);
    closing.push(s3.close);
    for (const key of keys) s3.put('exports', key, Buffer.from('<!doctype html>'));
    const work = async () => ({ status: 'SUCCEEDED', output: JSON.stringify(publishedOf(1234)) }) as const;
    await smallWorld({}, { work, outputs: { StateMachineArn: STATE_MACHINE, BucketName: 'exports' } });
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.url);
    return s3;
  }

  it('prints a link to the report of a run, or of the latest run', async () => {
    const s3 = await stackWith([unpublished('a')]);
    const { code, stdout } = await cli('report', 'a', '--stack', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runId: 'a', report: `s3://exports/${unpublished('a')}` });
    const { runId: latestRun } = JSON.parse((await cli('start', 'all-accounts', '--json')).stdout);
    s3.put('exports', published(latestRun), Buffer.from('<!doctype html>'));
    const latest = await cli('report', '--stack', 'AccountExport');
    expect(new URL(latest.stdout).pathname).toContain(`run_id%3D${latestRun}/_report.html`);
    expect(latest.stdout + latest.stderr).not.toContain('a-secret-that-nobody-may-see');
  });

  it('says why there is none', async () => {
    await stackWith([]);
    const none = await cli('report', '--stack');
    expect({ code: none.code, stderr: none.stderr }).toEqual({
      code: 1,
      stderr:
        'error: No report found for the latest 20 runs of stack "AccountExport" (there are no runs, or an earlier version without reports made them): deploy this version, and start a run.\n',
    });
    expect((await cli('report', 'unknown', '--stack')).stderr).toMatch(/^error: No run "unknown" in stack/);
    const { runId } = JSON.parse((await cli('start', 'all-accounts', '--json')).stdout);
    expect((await cli('report', runId, '--stack')).stderr).toMatch(
      /^error: Run "\S+" has no report \(published\): it may have failed .+\. See .+ status \S+\n$/,
    );
  });
});
