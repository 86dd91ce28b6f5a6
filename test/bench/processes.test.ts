import { expect, it } from 'vitest';
import { startSimulatorProcess, startWorker } from '../../bench/processes.ts';

it('a simulator process answers, reports what it saw since it was asked last, and exits when it is closed', async () => {
  const simulator = await startSimulatorProcess({ accounts: 10, latencyMs: 0 });
  expect((await simulator.seen()).requests).toBe(0);
  expect((await fetch(simulator.url)).status).toBeGreaterThanOrEqual(400);
  const { requests, cpuMs } = await simulator.seen();
  expect(requests).toBe(1);
  expect(cpuMs).toBeGreaterThan(0);
  expect((await simulator.seen()).requests).toBe(0);
  await simulator.close();
  await expect(fetch(simulator.url)).rejects.toThrow();
});

it('a worker measures its pages, and asking fails if its process exits', async () => {
  const worker = await startWorker<number>('page-worker.ts', ['page', 'csv', 'hard', 10]);
  expect(worker.greeting).toBeGreaterThan(500);
  expect(await worker.ask(2)).toBeGreaterThan(0);
  const answer = worker.ask(1e9);
  await worker.close();
  await expect(answer).rejects.toThrow('page-worker.ts exited with code 0.');
});
