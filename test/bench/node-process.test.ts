import { expect, it } from 'vitest';
import { startSimulatorProcess } from '../../bench/node-process.ts';

it('a simulator of its own answers, tells what it took, and ends when it is told to', async () => {
  const simulator = await startSimulatorProcess({ accounts: 10, latencyMs: 0 });
  const before = await simulator.cpuMs();
  expect((await fetch(simulator.url)).status).toBeGreaterThanOrEqual(400);
  expect(await simulator.cpuMs()).toBeGreaterThan(before);
  await simulator.close();
  await expect(fetch(simulator.url)).rejects.toThrow();
});
