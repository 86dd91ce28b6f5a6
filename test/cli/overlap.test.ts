/** Two runs of one export at the same moment, each a process of its own, as a user's scheduler may start them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { accountExport, startAccountExport, temporaryFolder } from '../support/command-line.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ accounts: 200, latencyMs: 150 });
});
afterAll(() => simulator.close());

const flags = (out: string, ...more: string[]) => [
  ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '20', '--out', out],
  ...more,
];

it('lets one of two processes export, and the other say which run it yields to', async () => {
  const out = await temporaryFolder();
  const both = await Promise.all(['a', 'b'].map((id) => accountExport(flags(out, '--run-id', id))));
  const [yielded, ...others] = both.filter(({ code }) => code !== 0);
  expect(others).toEqual([]);
  const winner = both[0] === yielded ? 'b' : 'a';
  expect(yielded?.code).toBe(1);
  expect(yielded?.stderr).toMatch(
    new RegExp(`^error: Run "${winner}" of export "engage", started .*, has not ended: this run yields to it\\.\n$`),
  );
});

it('is not held up by a run whose process was killed', async () => {
  const out = await temporaryFolder();
  const first = startAccountExport(flags(out, '--run-id', 'killed', '--concurrency', '1'));
  await expect.poll(() => first.stdout(), { timeout: 10_000 }).toContain('Planned');
  const meanwhile = await accountExport(flags(out, '--run-id', 'meanwhile'));
  expect(meanwhile.stderr).toContain('Run "killed" of export "engage"');
  first.child.kill('SIGKILL');
  await first.finished;
  const next = await accountExport(flags(out, '--run-id', 'next'));
  expect({ code: next.code, stderr: next.stderr }).toEqual({ code: 0, stderr: '' });
});
