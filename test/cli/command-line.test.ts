import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { accountExport, KEY_ENVIRONMENT, startAccountExport, temporaryFolder } from '../support/command-line.ts';
import { startSmallS3 } from '../support/small-s3.ts';

const running: Simulator[] = [];
afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close();
});

async function simulated(options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ accounts: 1234, ...options });
  running.push(simulator);
  const out = await temporaryFolder();
  const args = [
    'run',
    '--api-url',
    simulator.url,
    '--dataset',
    'engage',
    '--page-size',
    '500',
    '--out',
    out,
    '--run-id',
    'run-1',
  ];
  return { simulator, out, args };
}

const always = Number.POSITIVE_INFINITY;
const manifestPath = (out: string) => join(out, 'export_runs/run_id=run-1/manifest.json');

describe('run', () => {
  it('plans, exports, publishes, and says so within 80 columns but for paths', async () => {
    const { args, out } = await simulated();
    const { code, stdout, stderr } = await accountExport(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('Planned    1,234 accounts in 3 pages of 500');
    expect(lines[1]).toMatch(/^ {11}counted by \d+ requests in \d+ rounds, \d+ records$/);
    expect(lines[2]).toMatch(/^Published {2}1,234 accounts in [\d.]+ s, [\d.]+ kB, steady: the source held still$/);
    expect(lines.slice(3, 5)).toEqual([
      'Warning    the table has no column for these fields; the parts keep them:',
      '           healthIndex',
    ]);
    expect(lines.slice(3).join('\n')).toContain(`manifest ${out}/export_runs/run_id=run-1/manifest.json`);
    expect(lines.filter((line) => line.length > 80 && !line.includes(out))).toEqual([]);
  });

  it('prints the manifest alone with --json', async () => {
    const { args, out } = await simulated();
    const { code, stdout } = await accountExport([...args, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(await readFile(manifestPath(out), 'utf8')));
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('prints nothing with --quiet', async () => {
    const { args } = await simulated();
    expect(await accountExport([...args, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('exports nothing in a dry run, and prints the plan with --json', async () => {
    const { args, out } = await simulated();
    const { code, stdout } = await accountExport([...args, '--dry-run', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runId: 'run-1', dryRun: true, accounts: 1234, pages: 3, pageSize: 500 });
    expect(await readdir(out)).toEqual([]);
  });

  it('goes on with a run of the same id, and fetches no finished page again', async () => {
    const { args, simulator, out } = await simulated({
      accounts: 4000,
      faults: [{ fault: { status: 404 }, minPageSize: 500, pages: [5], times: 1 }],
    });
    const first = await accountExport(args);
    expect(first.code).toBe(1);
    const done = new Set(
      (await readdir(join(out, 'work/run_id=run-1/pages'))).map((file) => Number.parseInt(file, 10)),
    );
    const before = simulator.requests.length;
    const second = await accountExport(args);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('taken up from before: finished pages are not fetched again');
    const again = simulator.requests.slice(before).filter(({ pageSize, page }) => pageSize === 500 && page < 8);
    expect(again.map(({ page }) => page).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7].filter((page) => !done.has(page)));
    expect(done.size).toBeGreaterThan(0);
  });

  it('goes on with a run whose process was killed', async () => {
    const { args, simulator } = await simulated({ accounts: 4000, latencyMs: 60 });
    const { child, finished } = startAccountExport([...args, '--concurrency', '1']);
    while (!simulator.requests.some(({ pageSize, page, endedAt }) => pageSize === 500 && page === 2 && endedAt > 0))
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGKILL');
    await finished;
    const before = simulator.requests.length;
    const { code, stdout } = await accountExport(args);
    expect(code).toBe(0);
    expect(stdout).toContain('4,000 accounts');
    expect(simulator.requests.slice(before).filter(({ pageSize, page }) => pageSize === 500 && page < 2)).toEqual([]);
  });

  it('stops at Ctrl-C and says how to go on', async () => {
    const { args, simulator, out } = await simulated({ accounts: 4000, latencyMs: 60 });
    const { child, finished } = startAccountExport([...args, '--concurrency', '1']);
    while (!simulator.requests.some(({ pageSize, page }) => pageSize === 500 && page === 1))
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'error: Stopped. Run "run-1" keeps its finished pages: the same command with --run-id run-1 goes on.\n',
    });
    expect(await readdir(out)).not.toContain('export_runs');
  });
});

describe('a run that fails', () => {
  it.each<[string, SimulatorOptions, RegExp]>([
    [
      'always 500',
      { faults: [{ fault: { status: 500 }, times: always }] },
      /^error: Page 0 of dataset "engage" was answered with 500 after 4 tries in [\d.]+ s; it can be tried again later\.\n$|^error: Page \d+ of dataset "engage" was answered with 500/,
    ],
    [
      'HTML for ever',
      { faults: [{ fault: 'html', times: always }] },
      /^error: Page \d+ of dataset "engage" came as "text\/html" with status 200 where JSON was asked for/,
    ],
    [
      'another key',
      { keySecret: 'another' },
      /^error: The API refused the key with 401 at 127\.0\.0\.1:\d+: check that both halves are right/,
    ],
    [
      'another dataset',
      { datasets: ['other'] },
      /^error: The API at 127\.0\.0\.1:\d+ knows no dataset "engage" \(404\)/,
    ],
    [
      'a capped page size',
      { pageSizeCap: 100 },
      /^error: The API serves 100 accounts a page where 500 were asked for: set the page size to 100\./,
    ],
  ])('prints one sentence, leaves no manifest and exits with 1: %s', async (_name, options, message) => {
    const { args, out } = await simulated(options);
    const { code, stdout, stderr } = await accountExport(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout + stderr).not.toContain('demo:secret');
    expect(stdout + stderr).not.toMatch(/\bat .*\.ts:\d+/);
    expect(await readdir(out)).not.toContain('export_runs');
  });

  it('gives up within a minute on an API that is down', async () => {
    const out = await temporaryFolder();
    const { code, stderr } = await accountExport([
      'run',
      '--api-url',
      await addressOfNobody(),
      '--dataset',
      'engage',
      '--out',
      out,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/could not be fetched from 127\.0\.0\.1:\d+: the connection was refused/);
  });

  it('shows the stack only with --verbose', async () => {
    const { args } = await simulated({ datasets: ['other'] });
    const { stderr } = await accountExport([...args, '--verbose']);
    expect(stderr).toMatch(/\n {4}at .*\.ts:\d+/);
    expect(stderr).not.toContain('demo:secret');
  });
});

describe('a command line that is misused', () => {
  const host = ['--api-url', 'http://127.0.0.1:1'];
  it.each([
    [[], /Usage: account-export/],
    [['export'], /^error: unknown command 'export'/],
    [['run', ...host], /^error: required option '--dataset <id>' not specified/],
    [['run', '--dataset', 'x'], /^error: either --account and --instance or --api-url is needed/],
    [['run', '--dataset', 'x', '--account', 'a'], /^error: either --account and --instance or --api-url is needed/],
    [
      ['run', '--dataset', 'x', '--account', 'evil.example/', '--instance', 'i'],
      /^error: accountName is "evil\.example\/"; up to 63 letters/,
    ],
    [
      ['run', ...host, '--dataset', '../x'],
      /^error: The command line is unusable: .*datasetId is "\.\.\/x"; up to 128 letters/,
    ],
    [['run', ...host, '--dataset', 'x', '--page-size', '5k'], /--page-size takes an integer of at least 1\./],
    [
      ['run', ...host, '--dataset', 'x', '--page-size', '99999'],
      /pageSize is 99999; an integer from 1 to 50000 is needed/,
    ],
    [['run', ...host, '--dataset', 'x', '--concurrency', '0'], /--concurrency takes an integer from 1 to 1000\./],
    [['run', ...host, '--dataset', 'x', '--format', 'xml'], /Allowed choices are json, csv, parquet/],
    [['run', ...host, '--dataset', 'x', '--window', '7 days'], /window is "7 days"; an ISO 8601 duration/],
    [
      ['run', ...host, '--dataset', 'x', '--start', 'yesterday'],
      /start is "yesterday"; epoch milliseconds or ISO 8601/,
    ],
    [['run', ...host, '--dataset', 'x', '--nonsense'], /^error: unknown option '--nonsense'/],
    [['run', '--api-url', 'ftp://x', '--dataset', 'x'], /^error: --api-url is "ftp:\/\/x"; an http or https address/],
    [['simulate', '--accounts', 'many'], /--accounts takes an integer of at least 0\./],
    [['simulate', '--fault', 'oops'], /^error: The fault "oops" is unknown: a status code or reset, /],
  ])('exits with 2 and says what is allowed: %j', async (args, message) => {
    const { code, stdout, stderr } = await accountExport(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/\bat .*\.ts:\d+/);
  });

  it('names the half of the key that is missing', async () => {
    const { PERSONALIZATION_API_KEY_ID } = KEY_ENVIRONMENT;
    const { code, stderr } = await accountExport(['run', ...host, '--dataset', 'x'], { PERSONALIZATION_API_KEY_ID });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: The API key is missing: set PERSONALIZATION_API_KEY_SECRET, or name a secret with --secret-id.\n',
    });
  });

  it.each([[['--help']], [['run', '--help']], [['simulate', '--help']]])(
    'helps with %j within 80 columns',
    async (args) => {
      const { code, stdout } = await accountExport(args);
      expect(code).toBe(0);
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );
});

describe('run --out s3://', () => {
  it('writes to a bucket, below its prefix', async () => {
    const { simulator } = await simulated();
    const s3 = await startSmallS3(['exports']);
    try {
      const environment = {
        ...KEY_ENVIRONMENT,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'a',
        AWS_SECRET_ACCESS_KEY: 'b',
        AWS_ENDPOINT_URL_S3: s3.url,
      };
      const args = [
        'run',
        '--api-url',
        simulator.url,
        '--dataset',
        'engage',
        '--run-id',
        'run-1',
        '--out',
        's3://exports/team/a',
      ];
      const { code, stdout, stderr } = await accountExport(args, environment);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('manifest s3://exports/team/a/export_runs/run_id=run-1/manifest.json');
      expect(s3.object('exports', 'team/a/export_runs/run_id=run-1/manifest.json')).toBeDefined();
    } finally {
      await s3.close();
    }
  });

  it('says in one sentence that the bucket is not there', async () => {
    const { simulator } = await simulated();
    const s3 = await startSmallS3([]);
    try {
      const environment = {
        ...KEY_ENVIRONMENT,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'a',
        AWS_SECRET_ACCESS_KEY: 'b',
        AWS_ENDPOINT_URL_S3: s3.url,
      };
      const { code, stderr } = await accountExport(
        ['run', '--api-url', simulator.url, '--dataset', 'engage', '--out', 's3://nobodys'],
        environment,
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^error: Reading s3:\/\/nobodys\/work\/run_id=\S+\/plan\.json failed \(NoSuchBucket\): there is no such bucket\.\n$/,
      );
    } finally {
      await s3.close();
    }
  });
});

describe('simulate', () => {
  it('serves a tenant until it is interrupted, and says how to export from it', async () => {
    const { child, finished, stdout } = startAccountExport([
      'simulate',
      '--accounts',
      '30',
      '--port',
      '0',
      '--grow',
      '2',
      '--change-key-after',
      '150',
    ]);
    while (!stdout().includes('--dataset engage')) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(
      stdout()
        .split('\n')
        .filter((line) => line.length > 80),
    ).toEqual([]);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(stdout())?.[0] ?? '';
    const run = (...more: string[]) =>
      accountExport([
        'run',
        '--api-url',
        url,
        '--dataset',
        'engage',
        '--page-size',
        '10',
        '--out',
        out,
        '--json',
        ...more,
      ]);
    const out = await temporaryFolder();
    const first = await run();
    expect(first.code).toBe(0);
    const { records, consistency } = JSON.parse(first.stdout) as {
      records: number;
      consistency: { verdict: string; accountsAfter: number };
    };
    expect(records).toBeGreaterThan(30);
    expect(consistency.verdict).toBe('drifted');
    let later = first;
    for (let i = 0; i < 5 && later.code === 0; i++) later = await run();
    expect(later.stderr).toMatch(/^error: The API refused the key with 401/m);
    child.kill('SIGINT');
    expect((await finished).code).toBe(0);
  });
});
