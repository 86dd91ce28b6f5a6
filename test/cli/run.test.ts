/** `run` and `publish --out`, in this process against a simulator. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { wrapped } from '../../cli/terminal/format.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { commandLine, startCommandLine, temporaryFolder } from '../support/command-line.ts';
import { hangingRun, isHanging } from '../support/hanging-run.ts';
import { startSmallS3 } from '../support/small-s3.ts';
import { until } from '../support/until.ts';

const running: Simulator[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const simulator of running.splice(0)) await simulator.close();
});

async function simulated(options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ accounts: 1234, ...options });
  running.push(simulator);
  const out = await temporaryFolder();
  const to = (place: string) => [
    ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '500'],
    ...['--out', place, '--run-id', 'run-1'],
  ];
  return { simulator, out, args: to(out), to };
}

const ERASE = '\r\u001B[K';
const ALWAYS = Number.POSITIVE_INFINITY;
const manifestPath = (out: string) => join(out, 'export_runs/run_id=run-1/manifest.json');
/** The requests for whole pages of the plan. */
const pagesFetched = ({ requests }: Pick<Simulator, 'requests'>, from = 0) =>
  requests.slice(from).flatMap(({ pageSize, page }) => (pageSize === 500 && page < 8 ? [page] : []));

describe('run', () => {
  it('plans, exports and publishes, with lines of at most 80 columns except paths', async () => {
    const { args, out } = await simulated();
    const { code, stdout, stderr } = await commandLine(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('Planned    1,234 accounts in 3 pages of 500');
    expect(lines[1]).toMatch(/^ {11}counted with \d+ requests in \d+ rounds \(\d+ records\)$/);
    expect(lines[2]).toBe('           run run-1 (new)');
    expect(lines[3]).toMatch(/^Published {2}1,234 accounts in [\d.]+ s, [\d.]+ kB$/);
    expect(lines.slice(4)).toEqual([
      '           consistent: every check passed',
      expect.stringMatching(/^Contract {3}1,2\d\d records used: 1,234 accounts, and \d\d more$/),
      expect.stringMatching(/^ {11}for probes and retries \(\d\d requests, 0 retries\)$/),
      'Warning    the table has no column for these fields; the parts contain them:',
      '           healthIndex',
      '  run      run-1',
      expect.stringContaining(`  parts    ${out}/accounts_json/`),
      `  manifest ${out}/export_runs/run_id=run-1/manifest.json`,
      `  report   ${out}/export_runs/run_id=run-1/_report.html`,
    ]);
    expect(lines.filter((line) => line.length > 80 && !line.includes(out))).toEqual([]);
  });

  it('prints paths as --out was given, and other lists in lines', async () => {
    const { out, to } = await simulated();
    const place = relative(process.cwd(), out);
    const { stdout } = await commandLine(to(place));
    expect(stdout).toContain(`\n  parts    ${place}/accounts_json/`);
    expect(stdout).toContain(`\n  manifest ${place}/export_runs/run_id=run-1/manifest.json\n`);
    expect(wrapped(['one', 'two', 'much longer', 'x'], ', ', 9)).toEqual(['one, two,', 'much longer,', 'x']);
  });

  it('prints only the manifest with --json', async () => {
    const { args, out } = await simulated();
    const { code, stdout } = await commandLine([...args, '--json']);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(await readFile(manifestPath(out), 'utf8')));
  });

  it('prints nothing with --quiet', async () => {
    const { args } = await simulated();
    expect(await commandLine([...args, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('shows each phase on a terminal, and leaves only the result', async () => {
    const { args } = await simulated();
    const { stderr } = await commandLine([...args, '--concurrency', '1'], { isTTY: true });
    const lines = [
      'Planning: counting the accounts',
      'Planning: round 1',
      'Planning: round 5',
      'Exporting: 0 of 3 pages, 0 accounts, 0/s',
      'Exporting: 3 of 3 pages, 1,234 accounts, ',
      'Publishing: all pages are done',
      'Publishing: checking page boundaries',
      'Publishing: checking 3 pages',
    ].map((line) => stderr.indexOf(`${ERASE}${line}`));
    expect(lines).toEqual(lines.filter((at) => at >= 0).toSorted((a, b) => a - b));
    expect(stderr.endsWith(ERASE)).toBe(true);
    expect(stderr).not.toContain('\n');
  });

  it('shows how long it waits for the API', async () => {
    const { args } = await simulated({ faults: [{ fault: { status: 429, retryAfter: '2' }, times: 1 }] });
    const { stderr } = await commandLine([...args, '--concurrency', '1'], { isTTY: true });
    expect(stderr).toMatch(/Waiting \d+ s (after 429 \(attempt 2 of \d+\)|as the API asked)/);
  });

  it('shows the retry after drift, and no line with --quiet', async () => {
    let removed = false;
    const { args } = await simulated({
      onRequest: ({ pageSize, page }, tenant) => {
        if (pageSize !== 500 || page !== 1 || removed) return;
        removed = true;
        tenant.removeAt(3, 1);
      },
    });
    const { stderr } = await commandLine([...args, '--on-drift', 'retry', '--concurrency', '1'], { isTTY: true });
    expect(stderr).toMatch(/Publishing: checking page boundaries.*Planning: round 1.*Exporting: 0 of 3 pages/s);
    expect(await commandLine([...args, '--quiet'], { isTTY: true })).toMatchObject({ stderr: '' });
  });

  it('says what the contract has counted when it fails or is interrupted', async () => {
    const failing = await simulated({ faults: [{ fault: { status: 403 }, minPageSize: 500, pages: [1], times: 1 }] });
    const counted = /^Contract {3}[\d,]+ records used so far \(\d+ requests\)$/m;
    expect((await commandLine(failing.args)).stdout).toMatch(counted);

    const { args, simulator } = await simulated(hangingRun);
    const run = startCommandLine(args);
    await until(() => isHanging(simulator));
    run.interrupt();
    expect((await run.finished).stdout).toMatch(counted);
  });

  it('exports nothing in a dry run and prints the estimate', async () => {
    const { args, out } = await simulated();
    const { code, stdout } = await commandLine([...args, '--dry-run']);
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(2)).toEqual([
      'Dry run    nothing was exported; the estimate for a run, with checks:',
      expect.stringMatching(/^ {11}\d+ requests, [\d,]+ records of the contract$/),
      expect.stringMatching(/^ {11}--max-records of at least [\d,]+, if set$/),
      expect.stringMatching(/^ {11}about \d+ s \(measured in the probes\)$/),
      '',
    ]);
    expect(await readdir(out)).toEqual([]);
    expect(JSON.parse((await commandLine([...args, '--dry-run', '--json'])).stdout)).toMatchObject({
      runId: 'run-1',
      accounts: 1234,
      pages: 3,
    });
  });

  it('is skipped, with exit code 0, while another run of the export is running', async () => {
    const { args, simulator } = await simulated(hangingRun);
    const first = startCommandLine(args);
    await until(() => isHanging(simulator));
    const second = args.with(-1, 'run-2');
    const { code, stdout, stderr } = await commandLine(second);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Skipped {4}.*"run-1".*\n$/);
    expect(JSON.parse((await commandLine([...second, '--json'])).stdout)).toMatchObject({ runId: 'run-2' });
    first.interrupt();
    await first.finished;
  });

  it('resumes a failed run with the same id, without fetching finished pages again', async () => {
    const { args, simulator } = await simulated({
      accounts: 4000,
      faults: [{ fault: { status: 403 }, minPageSize: 500, pages: [7], times: 1 }],
    });
    const first = await commandLine([...args, '--concurrency', '1']);
    expect(first.code).toBe(1);
    expect(first.stderr.split('\n')[1]).toBe('To resume: fix the cause, then repeat this command');
    const before = simulator.requests.length;
    const second = await commandLine(args);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain('resumed: finished pages are not fetched again\n           run run-1\n');
    expect(second.stdout).toMatch(
      /^Published {2}4,000 accounts, .*\n {11}\d+ s after the first start, including the pause$/m,
    );
    expect(second.stdout).toMatch(/\(\d+ requests, \d+ retried or interrupted\)$/m);
    // Page 6 may not have been written when page 7 failed.
    expect(pagesFetched(simulator, before).filter((page) => page !== 6)).toEqual([7]);
  });

  it('does not suggest to resume with other parameters, which is refused again', async () => {
    const { args } = await simulated({ faults: [{ fault: { status: 400 }, minPageSize: 500, pages: [1], times: 1 }] });
    await commandLine(args);
    const { code, stderr } = await commandLine([...args, '--page-size', '400']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: Run "run-1" was planned with other parameters \(--page-size was 500, now 400\).*\n$/,
    );
  });

  it('names the flag to set when the API caps its pages', async () => {
    const { args } = await simulated({ pageSizeCap: 250 });
    const { stderr } = await commandLine(args);
    expect(stderr).toMatch(
      /^error: The API caps pages at 250 accounts \(500 requested\): start a new run with --page-size 250\.\n$/,
    );
  });

  it('reports that a run is already published, and fetches nothing', async () => {
    const { args, simulator, out } = await simulated();
    await commandLine(args);
    const before = simulator.requests.length;
    const again = await commandLine(args);
    expect(again.stdout).toMatch(/^Run "run-1" is already published: no page is fetched\.\nPublished /);
    const published = await commandLine(['publish', 'run-1', '--out', out]);
    expect(published.stdout).toMatch(/^Run "run-1" is already published\.\nPublished /);
    expect(simulator.requests).toHaveLength(before);
  });

  it('keeps finished pages when it is interrupted', async () => {
    const { args, simulator, out } = await simulated(hangingRun);
    const run = startCommandLine(args);
    await until(() => isHanging(simulator));
    run.interrupt();
    const { code, stderr } = await run.finished;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'Interrupted  run run-1; its finished pages are kept\nTo resume: repeat this command\n',
    });
    expect(await readdir(out)).not.toContain('export_runs');
    expect((await commandLine(args)).code).toBe(0);
  });

  it('exports again with --on-drift retry if the data changed during the run', async () => {
    let removed = false;
    const { args } = await simulated({
      accounts: 4000,
      onRequest: ({ pageSize, page }, tenant) => {
        if (pageSize !== 500 || page !== 6 || removed) return;
        removed = true;
        tenant.removeAt(3, 1);
      },
    });
    const { code, stdout, stderr } = await commandLine([...args, '--on-drift', 'retry', '--concurrency', '1']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^Planned {4}4,000 accounts in 8 pages.*\n(?:.*\n)*Drifted {4}the data changed during the run; exporting it again\nPlanned {4}3,999 accounts.*\n(?:.*\n)*Published {2}3,999 accounts in .*\n {11}consistent/,
    );
  });
});

describe('a failed run', () => {
  it.each<[string, SimulatorOptions, RegExp]>([
    [
      '500 from the API',
      { accounts: 600, faults: [{ fault: { status: 500 }, times: ALWAYS, minPageSize: 500 }] },
      /^error: .*\b500\b/,
    ],
    [
      'HTML from the API',
      { accounts: 600, faults: [{ fault: 'html', times: ALWAYS, minPageSize: 500 }] },
      /^error: .*\bHTML\b/,
    ],
    ['a wrong key', { keySecret: 'another' }, /^error: .*\b401\b.*127\.0\.0\.1:\d+/],
    ['an unknown dataset', { datasets: ['other'] }, /^error: 404 Not Found for dataset "engage"/],
    ['a capped page size', { pageSizeCap: 100 }, /^error: .*\b100\b.*\b500\b/],
  ])('prints one sentence, publishes nothing and exits with 1: %s', async (_name, options, message) => {
    const { args, out } = await simulated(options);
    const { code, stdout, stderr } = await commandLine(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout + stderr).not.toContain('demo:secret');
    expect(stdout + stderr).not.toMatch(/\bat .*\.ts:\d+/);
    expect(await readdir(out)).not.toContain('export_runs');
  });

  it('stops retrying an API that is down', async () => {
    const { to } = await simulated();
    const args = to(await temporaryFolder()).with(2, await addressOfNobody());
    const { code, stderr } = await commandLine(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*127\.0\.0\.1:\d+.*refused/);
  });

  it('prints the stack trace only with --verbose', async () => {
    const { args } = await simulated({ datasets: ['other'] });
    const { stderr } = await commandLine([...args, '--verbose']);
    expect(stderr).toMatch(/\n {4}at .*\.ts:\d+/);
    expect(stderr).not.toContain('demo:secret');
  });
});

describe('run --filter', () => {
  const TYPO = ['--filter', 'Tier 1 & 2/EMAE'];

  it.each(['--filter', '--segmentation-id', '--segment-id'])('asks for --name before any request: %s', async (flag) => {
    const { args, simulator, out } = await simulated();
    const { code, stdout, stderr } = await commandLine([...args, flag, 'Trials']);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: Invalid command line: --name must be set together with ${flag}: without a name, the export would be named after its dataset, as if it held all accounts.\n`,
    });
    expect(simulator.requests).toEqual([]);
    expect(await readdir(out)).toEqual([]);
  });

  it('quarantines the first run if the segment is empty, and says how to publish it', async () => {
    const { args, out } = await simulated();
    const { code, stdout, stderr } = await commandLine([...args, '--name', 'trials', ...TYPO]);
    expect(code).toBe(1);
    expect(stdout).not.toContain('Published');
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(
        /^error: Run "run-1" is quarantined: it has 0 accounts, and export "trials" has no published run to compare it with\. Check the spelling of the segment \(filter\); if it is right, publish the run\./,
      ),
      `To publish: npm run --silent account-export -- publish run-1 --out ${out}`,
      `  report   ${out}/work/run_id=run-1/_report.html`,
      '',
    ]);
    expect(await readdir(out)).not.toContain('export_runs');
    const published = await commandLine(['publish', 'run-1', '--out', out]);
    expect(published).toMatchObject({ code: 0, stderr: '' });
    expect(published.stdout).toMatch(
      /^Published {2}0 accounts, 20 B\n {11}\d+ s after the first start, including the pause\n/,
    );
  });

  it('does not replace the whole dataset under the same name', async () => {
    const { args, to, out } = await simulated();
    expect((await commandLine([...args, '--name', 'all'])).code).toBe(0);
    const trials = [...to(out).with(-1, 'run-2'), '--name', 'all', '--filter', 'Tier 1 & 2/EMEA'];
    const { code, stderr } = await commandLine(trials);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: Run "run-2" is quarantined: it exports a different dataset or segment \(filter differs\)/,
    );
    expect(await readdir(join(out, 'export_runs'))).toEqual(['run_id=run-1']);
  });

  it('warns if a dataset has no accounts', async () => {
    const { args } = await simulated({ accounts: 0 });
    for (const more of [[], ['--run-id', 'other', '--dry-run']]) {
      const { code, stdout } = await commandLine([...args, ...more]);
      expect(code).toBe(0);
      expect(stdout).toContain('\nWarning    there is no account: check the dataset, and the segment if you set one\n');
    }
  });
});

describe('publish --out', () => {
  it('publishes a quarantined run without an API request', async () => {
    const { simulator, to, out } = await simulated({ accounts: 60 });
    const run = (runId: string, ...more: string[]) => commandLine([...to(out).with(-1, runId), ...more]);
    await run('before');
    simulator.tenant.setTotal(10);
    const quarantined = await run('quarantined');
    expect(quarantined.code).toBe(1);
    const [problem, hint] = quarantined.stderr.split('\n');
    expect(problem).toMatch(/^error: .*"quarantined".*\b10\b.*\b60\b.*--max-drop-percent allows 50%/);
    expect(hint).toBe(`To publish: npm run --silent account-export -- publish quarantined --out ${out}`);

    const requests = simulator.requests.length;
    const published = await commandLine(['publish', 'quarantined', '--out', out]);
    expect(published).toMatchObject({ code: 0, stderr: '' });
    expect(published.stdout).toMatch(/^Published {2}10 accounts, .*\n(?:.*\n)* {2}run {6}quarantined\n/);
    const { stdout } = await commandLine(['publish', 'quarantined', '--out', out, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, runId: 'quarantined', records: 10 });
    expect(simulator.requests).toHaveLength(requests);
  });

  it('is not needed with a higher --max-drop-percent', async () => {
    const { simulator, to, out } = await simulated({ accounts: 60 });
    await commandLine(to(out).with(-1, 'before'));
    simulator.tenant.setTotal(10);
    expect((await commandLine([...to(out).with(-1, 'after'), '--max-drop-percent', '90'])).code).toBe(0);
  });

  it('fails for an unknown run', async () => {
    const { code, stdout, stderr } = await commandLine(['publish', 'unknown', '--out', await temporaryFolder()]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: .*"unknown".*\n$/);
  });
});

describe('run --out s3://', () => {
  async function bucket(...buckets: string[]) {
    const s3 = await startSmallS3(buckets);
    const environment = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.url);
    return s3;
  }

  it('writes to the prefix of a bucket', async () => {
    const { to } = await simulated();
    const s3 = await bucket('exports');
    try {
      const { code, stdout, stderr } = await commandLine(to('s3://exports/team/a'));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('manifest s3://exports/team/a/export_runs/run_id=run-1/manifest.json');
      expect(s3.object('exports', 'team/a/export_runs/run_id=run-1/manifest.json')).toBeDefined();
    } finally {
      await s3.close();
    }
  });

  it('fails if the bucket does not exist', async () => {
    const { to } = await simulated();
    const s3 = await bucket();
    try {
      const { code, stderr } = await commandLine(to('s3://missing'));
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /^error: .*s3:\/\/missing\/work\/\S+ failed \(NoSuchBucket\): the bucket does not exist; check its name, or create it\.\n$/,
      );
    } finally {
      await s3.close();
    }
  });
});

describe('simulate', () => {
  it('serves a tenant with the given faults until it is interrupted', async () => {
    const simulate = startCommandLine(
      ['simulate', '--accounts', '90', '--port', '0', '--grow', '2', '--change-key-after', '150'].concat('--plain'),
    );
    await until(() => simulate.stdout().includes('--dataset engage'));
    const lines = simulate.stdout().split('\n');
    // A URL at the end of the line, to be copied.
    expect(lines[0]).toMatch(/^Simulating 90 accounts at http:\/\/127\.0\.0\.1:\d+$/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(simulate.stdout())?.[0] ?? '';
    const out = await temporaryFolder();
    const args = ['run', '--api-url', url, '--dataset', 'engage', '--page-size', '30', '--out', out, '--json'];
    const first = await commandLine(args);
    expect(JSON.parse(first.stdout)).toMatchObject({ consistency: { verdict: 'drifted' } });
    let later = first;
    while (later.code === 0) later = await commandLine(args);
    expect(later.stderr).toMatch(/^error: .*\b401\b/m);
    simulate.interrupt();
    expect((await simulate.finished).code).toBe(0);
  });
});
