/** Runs on this machine under which the source moves, or which lose accounts: what a user sees, and does about it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { accountExport, startAccountExport, temporaryFolder } from '../support/command-line.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ accounts: 400, latencyMs: 60 });
});
afterAll(() => simulator.close());

const run = (out: string, ...more: string[]) => [
  ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '20', '--concurrency', '2'],
  ...['--out', out, ...more],
];

describe('run and publish', () => {
  it('hold a run back that lost its accounts, say so, and publish it after a look', async () => {
    const out = await temporaryFolder();
    simulator.tenant.setTotal(60);
    await accountExport(run(out, '--run-id', 'before'));
    simulator.tenant.setTotal(10);
    const held = await accountExport(run(out, '--run-id', 'held'));
    expect(held.code).toBe(1);
    expect(held.stderr).toBe(
      [
        'error: Run "held" has 10 accounts where the last published run of export "engage" (before) had 60: a drop of 83 %, and maxDropPercent is 50. Nothing was published: when this is right, publish it with {"publish":"held"}. 1 of 1 pages are done and kept.',
        `To publish it as it is:  npm run --silent account-export -- publish held --out ${out}`,
        '',
      ].join('\n'),
    );
    const asked = simulator.requests.length;
    const published = await accountExport(['publish', 'held', '--out', out]);
    expect(published).toMatchObject({ code: 0, stderr: '' });
    expect(published.stdout).toMatch(/^Published {2}10 accounts in .*\n(?:.*\n)* {2}run {6}held\n/);
    expect(JSON.parse((await accountExport(['publish', 'held', '--out', out, '--json'])).stdout)).toMatchObject({
      version: 1,
      runId: 'held',
      records: 10,
    });
    expect(simulator.requests).toHaveLength(asked);
  });

  it('let more go with --max-drop-percent', async () => {
    const out = await temporaryFolder();
    simulator.tenant.setTotal(60);
    await accountExport(run(out, '--run-id', 'before'));
    simulator.tenant.setTotal(10);
    expect((await accountExport(run(out, '--run-id', 'after', '--max-drop-percent', '90'))).code).toBe(0);
  });

  it('say in one sentence that a run was not held back, or is not known', async () => {
    const out = await temporaryFolder();
    simulator.tenant.setTotal(10);
    const unknown = await accountExport(['publish', 'nobody', '--out', out]);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toBe(
      'error: There is no plan of run "nobody" to go on with: it never got that far, or its work has expired. Start a new run.\n',
    );
    expect((await accountExport(['publish', '../x', '--out', out])).code).toBe(2);
  });

  it('export once more with --on-drift retry, and say so', async () => {
    const out = await temporaryFolder();
    simulator.tenant.setTotal(400);
    const started = startAccountExport(run(out, '--run-id', 'moved', '--on-drift', 'retry'));
    await expect
      .poll(() => simulator.requests.some(({ pageSize, page }) => pageSize === 20 && page === 8), { timeout: 20_000 })
      .toBe(true);
    simulator.tenant.removeAt(3, 1);
    const { code, stdout, stderr } = await started.finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^Planned {4}400 accounts in 20 pages.*\n(?:.*\n)*Drifted {4}the source moved meanwhile; exporting once more\nPlanned {4}399 accounts.*\n(?:.*\n)*Published {2}399 accounts in .*, steady/,
    );
  });
});
