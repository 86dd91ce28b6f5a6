/** Measures one run of one tool against its own simulator, and compares the result with what was served. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, globSync, statSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tenant } from '../../simulator/tenant.ts';
import { startSimulatorProcess } from '../node-process.ts';
import type { SeenBySimulator, SimulatorSetting } from '../simulator-process.ts';
import { type Comparison, countAccounts } from './compare.ts';
import { KEY_ENVIRONMENT, type Tool } from './tools.ts';

const MEASURE = fileURLToPath(new URL('measure.py', import.meta.url));
/** An upper bound of the accounts that a fault case adds. */
const NEW_ACCOUNTS = 10_000;

export interface ToolRun {
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process. */
  readonly peakBytes: number;
  readonly deliveredBytes: number;
  readonly seen: SeenBySimulator;
  readonly comparison: Comparison;
  /** Whether there is a manifest; only for tools that write one. */
  readonly published?: boolean;
  /** The manifest's verdict. */
  readonly verdict?: string;
}

export interface RunSetting extends SimulatorSetting {
  readonly pageSize: number;
  readonly limitSeconds: number;
  readonly compareValues?: boolean;
  /** Emptied before the run and removed after it. */
  readonly folder: string;
  readonly python: string;
}

export async function runTool(tool: Tool, setting: RunSetting): Promise<ToolRun> {
  const { folder, accounts, pageSize, latencyMs, fault } = setting;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const api = await startSimulatorProcess({ accounts, latencyMs, ...(fault === undefined ? {} : { fault }) });
  try {
    const { command, env } = await tool.prepare({ apiUrl: api.url, pageSize, folder });
    const measured = await measure(setting, command, { ...process.env, ...KEY_ENVIRONMENT, ...env });
    const seen = await api.seen();
    const delivered = path.join(folder, tool.delivers);
    const tenant = new Tenant({ accounts, seed: 1, nasty: true });
    const expected = seen.remaining ?? Array.from({ length: accounts }, (_, id) => id);
    const comparison = countAccounts(
      tool.read(delivered),
      expected,
      seen.remaining ? accounts + NEW_ACCOUNTS : accounts,
      setting.compareValues ? (id) => tenant.json(id) ?? '' : undefined,
    );
    return {
      ...measured,
      deliveredBytes: bytesBelow(delivered),
      seen,
      comparison,
      ...(tool.publishes === undefined ? {} : await publishedBy(tool.publishes, folder)),
    };
  } finally {
    await api.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Measured = Pick<ToolRun, 'exitCode' | 'timedOut' | 'wallSeconds' | 'cpuSeconds' | 'peakBytes'>;

async function measure(
  { folder, python, limitSeconds }: RunSetting,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Measured> {
  const result = path.join(folder, 'measured.json');
  const child = spawn(python, [MEASURE, result, String(limitSeconds), ...command], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.pipe(createWriteStream(path.join(folder, 'stdout')));
  child.stderr.pipe(createWriteStream(path.join(folder, 'stderr')));
  await once(child, 'close');
  return JSON.parse(await readFile(result, 'utf8')) as Measured;
}

async function publishedBy(manifests: string, folder: string): Promise<Pick<ToolRun, 'published' | 'verdict'>> {
  const [manifest] = globSync(manifests, { cwd: folder });
  if (manifest === undefined) return { published: false };
  const { consistency } = JSON.parse(await readFile(path.join(folder, manifest), 'utf8')) as {
    consistency: { verdict: string };
  };
  return { published: true, verdict: consistency.verdict };
}

function bytesBelow(folder: string): number {
  return globSync('**/*', { cwd: folder })
    .map((file) => statSync(path.join(folder, file)))
    .filter((entry) => entry.isFile())
    .reduce((sum, { size }) => sum + size, 0);
}
