/** Runs with a record budget whose processes are killed with SIGKILL while a quarter of the pages fail. */
import { expect, it } from 'vitest';
import { startSimulator } from '../../simulator/simulator.ts';
import { startAccountExport, temporaryFolder } from '../support/command-line.ts';

/** Of 15 pages. */
const FAILING = [1, 5, 9, 13];

it.each([
  ['while its pages are fetched', [48, 5, 12]],
  ['while it is planned, then while it is verified', [20, 70, 15]],
])(
  'a budget is never exceeded, and a run killed %s can be resumed',
  async (_when, killedAtRequests) => {
    let requests = 0;
    let onRequest = () => {};
    const simulator = await startSimulator({
      accounts: 300,
      faults: [{ fault: 'truncate', minPageSize: 20, pages: FAILING }],
      onRequest: () => {
        requests++;
        onRequest();
      },
    });
    try {
      const out = await temporaryFolder();
      const attempt = (maxRecords: number) =>
        startAccountExport([
          ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '20', '--out', out],
          ...['--run-id', 'killed', '--concurrency', '16', '--max-records', String(maxRecords)],
        ]);
      let budget = 500;
      for (const killedAt of killedAtRequests) {
        const { child, finished } = attempt(budget);
        const last = requests + killedAt;
        onRequest = () => {
          if (requests === last) child.kill('SIGKILL');
        };
        await finished;
        expect(simulator.recordsServed()).toBeLessThanOrEqual(budget);
        budget += 200;
      }
      onRequest = () => {};
      const { code, stderr, stdout } = await attempt(3000).finished;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Published  300 accounts');
      expect(simulator.recordsServed()).toBeLessThanOrEqual(3000);
    } finally {
      await simulator.close();
    }
  },
  600_000,
);
