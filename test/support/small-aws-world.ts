/** A simulated tenant, a small AWS that exports it, and the command line in this process. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, vi } from 'vitest';
import { type ExportSettings, ExportSettingsSchema } from '../../functions/model/export-settings.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { commandLine, type Finished } from './command-line.ts';
import { type SmallAws, type SmallAwsOptions, STATE_MACHINE, startSmallAws } from './small-aws.ts';
import type { Work } from './small-aws-executions.ts';
import { until } from './until.ts';

export { STATE_MACHINE, until };

const EXPORTS: readonly ExportSettings[] = [
  ExportSettingsSchema.parse({ name: 'all-accounts', datasetId: 'engage', pageSize: 500 }),
  ExportSettingsSchema.parse({ name: 'emea', datasetId: 'engage', pageSize: 500, filter: 'Tier 1 & 2/EMEA' }),
];

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const server of open.splice(0)) await server.close();
});

/** Starts both until the end of the test, and makes them the only AWS that this process knows. */
export async function smallWorld(
  simulated: SimulatorOptions = {},
  options: Omit<SmallAwsOptions, 'simulator'> = {},
): Promise<{ simulator: Simulator; aws: SmallAws }> {
  const simulator = await startSimulator({ accounts: 1234, ...simulated });
  const aws = await startSmallAws({ simulator, exports: EXPORTS, ...options });
  open.push(aws, simulator);
  for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value);
  for (const name of ['AWS_PROFILE', 'AWS_DEFAULT_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
  return { simulator, aws };
}

/** Runs a command against the small AWS. */
export const cli = (...argv: string[]): Promise<Finished> => commandLine(argv);
/** Starts a run of the export `all-accounts`. */
export const start = (...flags: string[]) => cli('start', 'all-accounts', ...flags);

/** A sleep that takes no time and records how long each wait would be. */
export function recordedSleep() {
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
    await setImmediate();
  };
  return { waits, sleep };
}

/** A page that fails its run with 403. */
export const brokenPage = (page: number, times = 1): SimulatorOptions => ({
  accounts: 4000,
  faults: [{ fault: { status: 403 }, minPageSize: 500, pages: [page], times }],
});

const FIGURES = { countedBy: 'offsets', apiRequests: 1, recordsFetched: 1, rounds: 1, resumed: false } as const;

/** A plan as *Plan export* returns it. */
export const planOf = (accounts: number, pageSize = 500) => ({
  outcome: 'exportPages',
  exportName: 'all-accounts',
  accounts,
  pages: Math.ceil(accounts / pageSize),
  pageSize,
  plan: FIGURES,
});

/** The output of a published run. */
export const publishedOf = (accounts: number, runId = 'run-1') => ({
  status: 'published',
  runId,
  exportName: 'all-accounts',
  accounts,
  distinctAccounts: accounts,
  pages: Math.ceil(accounts / 500),
  bytes: 1000,
  seconds: 1,
  verdict: 'consistent',
  unmappedColumns: [],
  parts: 's3://bucket/',
  manifest: 's3://bucket/manifest.json',
});

/** A world in which a run finishes one page for each look at it, whatever the speed of the machine. */
export function polledWorld(accounts: number, fail: SmallAwsOptions['fail'] = () => undefined) {
  let [looks, seen] = [0, 1];
  const nextLook = async () => {
    await until(() => looks > seen);
    seen = looks;
  };
  const work: Work = async ({ onPlan, onPage }) => {
    const plan = planOf(accounts);
    onPlan(plan);
    for (let page = 0; page < plan.pages; page++) {
      await nextLook();
      onPage();
    }
    await nextLook();
    return { status: 'SUCCEEDED', output: JSON.stringify(publishedOf(accounts)) };
  };
  return smallWorld(
    {},
    {
      work,
      fail: (call, nth) => {
        if (call.action === 'DescribeExecution') looks++;
        return fail(call, nth);
      },
    },
  );
}

/** An execution that runs until it is stopped. */
export const endless: Work = ({ onPlan, signal }) =>
  new Promise((_resolve, reject) => {
    onPlan(planOf(4000));
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
