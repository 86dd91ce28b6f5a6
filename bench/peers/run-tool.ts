/** Runs a tool against a simulated API, measures it, and compares what it delivered with what was served. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { measureCommand, type Used } from '../measure.ts';
import type { SimulatorProcess } from '../processes.ts';
import type { SeenBySimulator } from '../simulator-process.ts';
import { idOf } from './fault-cases.ts';
import { KEY, type Tool } from './tools.ts';

export interface Comparison {
  readonly delivered: number;
  /** Accounts that existed throughout the run and were not delivered. */
  readonly lost: number;
  /** Accounts delivered more than once. */
  readonly duplicated: number;
  /** Records that are not an account of the tenant. */
  readonly unknown: number;
}

export interface ToolRun extends Used, Comparison {
  readonly seen: SeenBySimulator;
  readonly deliveredMb: number;
  /** The verdict of the published run; `null` when none was published. Only of tools that publish. */
  readonly verdict?: string | null;
}

export interface RunSetting {
  readonly api: SimulatorProcess;
  readonly accounts: number;
  readonly pageSize: number;
  /** Of this tool. */
  readonly folder: string;
  readonly limitSeconds?: number;
}

/** More than a fault case adds. */
const NEW_ACCOUNTS = 10_000;

export async function runTool(
  tool: Tool,
  { api, accounts, pageSize, folder, limitSeconds }: RunSetting,
): Promise<ToolRun> {
  await mkdir(folder, { recursive: true });
  await api.seen();
  const [command, env] = await tool.prepare({ apiUrl: api.url, pageSize, folder });
  const limit = limitSeconds ? { limitSeconds } : {};
  const used = await measureCommand({ command, folder, env: { ...KEY, ...env }, ...limit });
  const seen = await api.seen();
  const { files, verdict } = tool.delivered(folder);
  const expected = seen.remaining ?? Array.from({ length: accounts }, (_, id) => id);
  const known = seen.remaining ? accounts + NEW_ACCOUNTS : accounts;
  return {
    ...used,
    ...compare(namesIn(folder, files), expected, known),
    seen,
    deliveredMb:
      globSync(files, { cwd: folder }).reduce((sum, file) => sum + statSync(path.join(folder, file)).size, 0) / 2 ** 20,
    ...(verdict === undefined ? {} : { verdict }),
  };
}

export function isComplete({ exitCode, timedOut, lost, duplicated, unknown }: ToolRun): boolean {
  return exitCode === 0 && !timedOut && lost + duplicated + unknown === 0;
}

/**
 * @param names of the delivered accounts
 * @param expected ids of the accounts that existed throughout the run
 * @param known ids below this number are accounts of the tenant, new ones included
 */
export function compare(names: Iterable<unknown>, expected: Iterable<number>, known: number): Comparison {
  const times = new Map<number, number>();
  let [delivered, unknown] = [0, 0];
  for (const name of names) {
    const id = idOf(name);
    delivered++;
    if (id === undefined || id >= known) unknown++;
    else times.set(id, (times.get(id) ?? 0) + 1);
  }
  const lost = [...expected].filter((id) => !times.has(id)).length;
  return { delivered, lost, duplicated: [...times.values()].filter((n) => n > 1).length, unknown };
}

/** The names of the accounts in files of JSON lines. A line that was not finished is left out. */
function* namesIn(folder: string, pattern: string): Generator<unknown> {
  for (const file of globSync(pattern, { cwd: folder })) {
    const bytes = readFileSync(path.join(folder, file));
    const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n');
    for (const line of lines.slice(0, -1)) yield (JSON.parse(line) as { name?: unknown }).name;
  }
}
