import { expect, it } from 'vitest';
import { startSimulatorProcess } from '../../bench/node-process.ts';

it('a simulator process answers, reports what it saw, and exits when it is closed', async () => {
  const simulator = await startSimulatorProcess({ accounts: 10, latencyMs: 0 });
  const before = await simulator.seen();
  expect((await fetch(simulator.url)).status).toBeGreaterThanOrEqual(400);
  const after = await simulator.seen();
  expect(after.requests).toBe(before.requests + 1);
  expect(after.cpuMs).toBeGreaterThan(before.cpuMs);
  await simulator.close();
  await expect(fetch(simulator.url)).rejects.toThrow();
});
