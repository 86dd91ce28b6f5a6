/** A simulated tenant, a small AWS that exports it, and the commands run in this process against both. */
import { afterEach, vi } from 'vitest';
import { type ResumeFlags, resumeRun } from '../../cli/commands/resume.ts';
import { type StartFlags, startRun } from '../../cli/commands/start.ts';
import { type StatusFlags, showStatus } from '../../cli/commands/status.ts';
import { CommandError } from '../../cli/deployed/command-error.ts';
import { type ExportSettings, ExportSettingsSchema } from '../../functions/model/export-settings.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { type SmallAws, type SmallAwsOptions, startSmallAws } from './small-aws.ts';

export const STACK_FLAGS = { stack: 'AccountExport', follow: true } as const;

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

/** Starts both; they end with the test. This process then knows no other AWS. */
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

export interface Said {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly thrown: Error | undefined;
}

/** Runs a command in this process, as `cli/main.ts` does. */
export async function said(command: () => Promise<number>): Promise<Said> {
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream] += String(chunk);
      return true;
    });
  }
  try {
    return { code: await command(), thrown: undefined, ...text };
  } catch (error) {
    return { code: undefined, thrown: error as Error, ...text };
  } finally {
    vi.mocked(process.stdout.write).mockRestore();
    vi.mocked(process.stderr.write).mockRestore();
  }
}

/** The sentence that a command ends with instead of doing its work. */
export async function sentenceOf(command: () => Promise<number>): Promise<string> {
  const { thrown } = await said(command);
  if (!(thrown instanceof CommandError)) throw new Error('The command has not refused', { cause: thrown });
  return thrown.message;
}

/** Waits that take no time to speak of, written down. */
export function quickSleep() {
  const waits: number[] = [];
  return {
    waits,
    sleep: async (ms: number) => {
      waits.push(ms);
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The commands in this process, with quick waits unless others are given. */
export const start = (flags: Partial<StartFlags> = {}, sleep = quickSleep().sleep, exportName = 'all-accounts') =>
  said(() => startRun(exportName, { ...STACK_FLAGS, ...flags }, sleep));
export const status = (run: string, flags: Partial<StatusFlags> = {}, sleep = quickSleep().sleep) =>
  said(() => showStatus(run, { ...STACK_FLAGS, ...flags }, sleep));
export const redrive = (run: string, flags: Partial<ResumeFlags> = {}) =>
  said(() => resumeRun(run, { ...STACK_FLAGS, ...flags }, quickSleep().sleep));

/** A page that is not found ends a run at once. */
export const brokenPage = (page: number, times = 1): SimulatorOptions => ({
  accounts: 4000,
  faults: [{ fault: { status: 404 }, minPageSize: 500, pages: [page], times }],
});
