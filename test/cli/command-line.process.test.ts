/** What only a process of its own shows: exit codes, signals and pipes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { accountExport, KEY_ENVIRONMENT, startAccountExport, temporaryFolder } from '../support/command-line.ts';
import { hangingRun, isHanging } from '../support/hanging-run.ts';
import { smallWorld } from '../support/small-aws-world.ts';
import { until } from '../support/until.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ accounts: 1234 });
});
afterAll(() => simulator.close());

const run = (url: string, out: string) => [
  ...['run', '--api-url', url, '--dataset', 'engage', '--page-size', '500'],
  ...['--out', out, '--run-id', 'run-1'],
];

describe('the exit code', () => {
  it('is 0 for a run that was published, and both streams are complete', async () => {
    const { code, stdout, stderr } = await accountExport(run(simulator.url, await temporaryFolder()));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Planned {4}1,234 accounts[\s\S]*manifest\.json\n {2}report {3}.*_report\.html\n$/);
  });

  it('is 1 for a run that failed', async () => {
    const args = run(simulator.url, await temporaryFolder()).with(4, 'unknown');
    expect(await accountExport(args)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .*\n$/) });
  });

  it('is 2 for invalid arguments', async () => {
    expect(await accountExport(['run'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a signal', () => {
  async function hanging() {
    const tenant = await startSimulator(hangingRun);
    const out = await temporaryFolder();
    const args = run(tenant.url, out);
    /** The receipts of finished pages. */
    const receipts = async () =>
      (await readdir(out, { recursive: true })).filter((path) => /\/(pages|receipts)\/\d+\.json$/.test(path));
    return { tenant, out, args, receipts };
  }

  it('SIGKILL leaves a run that resumes without fetching finished pages again', async () => {
    const { tenant, args, receipts } = await hanging();
    try {
      const { child, finished } = startAccountExport(args);
      await until(async () => isHanging(tenant) && (await receipts()).length === 3);
      child.kill('SIGKILL');
      await finished;
      const before = tenant.requests.length;
      const { code, stdout } = await accountExport(args);
      expect(code).toBe(0);
      expect(stdout).toContain('Published  4,000 accounts');
      const again = tenant.requests.slice(before).filter(({ pageSize, page }) => pageSize === 500 && page < 3);
      expect(again).toEqual([]);
    } finally {
      await tenant.close();
    }
  });

  it('SIGINT ends a run with exit code 1 and keeps its finished pages', async () => {
    const { tenant, args, receipts } = await hanging();
    try {
      const { child, finished } = startAccountExport(args);
      await until(async () => isHanging(tenant) && (await receipts()).length === 3);
      child.kill('SIGINT');
      const { code, stderr } = await finished;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^Interrupted {2}run run-1; its finished pages are kept\nTo resume: repeat this command\n$/,
      );
      expect(await receipts()).toHaveLength(3);
    } finally {
      await tenant.close();
    }
  });

  it('SIGINT detaches from a deployed run, which continues', async () => {
    const { aws } = await smallWorld(hangingRun);
    const { child, finished } = startAccountExport(['start', 'all-accounts', '--region', 'eu-west-1'], aws.environment);
    await until(() => aws.callsOf('DescribeExecution').length > 0);
    child.kill('SIGINT');
    const { code, stderr } = await finished;
    const [execution] = aws.stateMachine.executions;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Detached   run ${execution?.name} continues. Follow it with npm run --silent account-export -- status ${execution?.name} --region eu-west-1\n`,
    });
    expect(execution?.status).toBe('RUNNING');
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });

  it('SIGTERM stops the simulator with exit code 0', async () => {
    const { child, finished, stdout } = startAccountExport(['simulate', '--port', '0']);
    await until(() => stdout().includes('--dataset engage'));
    child.kill('SIGTERM');
    expect((await finished).code).toBe(0);
  });
});

describe('a pipe', () => {
  it('receives long output completely, and may be closed early', async () => {
    const out = await temporaryFolder();
    expect((await accountExport(run(simulator.url, out))).code).toBe(0);
    const query = ['query', 'SELECT name, range FROM accounts_latest, range(30)', '--csv', '--out', out];
    const all = await accountExport(query);
    expect(all.stdout.split('\n')).toHaveLength(37_022);

    const child = spawn(process.execPath, ['cli/main.ts', ...query], { env: { ...process.env, ...KEY_ENVIRONMENT } });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = await once(child, 'close');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
