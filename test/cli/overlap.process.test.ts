/** Two runs of one export at the same moment, each in its own process, as a user's scheduler may start them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { accountExport, startAccountExport, temporaryFolder } from '../support/command-line.ts';
import { hangingRun, isHanging } from '../support/hanging-run.ts';
import { until } from '../support/until.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ accounts: 200, latencyMs: 150 });
});
afterAll(() => simulator.close());

const flags = (out: string, ...more: string[]) => [
  ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '20', '--out', out],
  ...more,
];

it('exports with one of two processes and skips the other, which names the run that holds the lock', async () => {
  const out = await temporaryFolder();
  const both = await Promise.all(['a', 'b'].map((id) => accountExport(flags(out, '--run-id', id))));
  expect(both.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(2).fill({ code: 0, stderr: '' }));
  const skipped = both.findIndex(({ stdout }) => stdout.startsWith('Skipped'));
  const [holder, ...others] = both.filter((_, i) => i !== skipped);
  expect([others, holder?.stdout]).toEqual([[], expect.stringContaining('Published')]);
  expect(both[skipped]?.stdout).toMatch(
    new RegExp(`^Skipped {4}Run "${skipped === 0 ? 'b' : 'a'}" of export "engage", started .*, is still running\\.\n$`),
  );
});

it('does not wait for a run whose process was killed', async () => {
  const hanging = await startSimulator(hangingRun);
  try {
    const out = await temporaryFolder();
    const run = (id: string) => [
      ...['run', '--api-url', hanging.url, '--dataset', 'engage', '--page-size', '500', '--out', out, '--run-id', id],
    ];
    const first = startAccountExport(run('killed'));
    await until(() => isHanging(hanging));
    const meanwhile = await accountExport(run('meanwhile'));
    expect(meanwhile.stdout).toContain('Run "killed" of export "engage"');
    first.child.kill('SIGKILL');
    await first.finished;
    const next = await accountExport(run('next'));
    expect({ code: next.code, stderr: next.stderr }).toEqual({ code: 0, stderr: '' });
  } finally {
    await hanging.close();
  }
});
