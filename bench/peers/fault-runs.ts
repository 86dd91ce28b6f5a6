/** Runs that are not timed: every fault with every tool, and the comparison of values. */
import path from 'node:path';
import pLimit from 'p-limit';
import { FAULT_ACCOUNTS, FAULT_PAGE_SIZE, type FaultCase, LONG_SECONDS } from './fault-cases.ts';
import { type RunSetting, runTool, type ToolRun } from './run-tool.ts';
import type { Tool } from './tools.ts';

export type Ending =
  /** Successful; every account that existed throughout the run was delivered once. */
  | 'complete'
  /** Successful but incomplete, and the manifest says so. */
  | 'reported'
  /** Successful but incomplete, without any sign of it. */
  | 'undetected'
  | 'failed'
  /** Stopped at the time limit. */
  | 'timedOut';

export interface FaultRun {
  readonly fault: FaultCase;
  readonly tool: string;
  readonly ending: Ending;
  readonly run: ToolRun;
}

/** Runs in parallel, apart from those that mostly wait. */
const CONCURRENCY = 3;
const LIMIT_SECONDS = 40;

/** @param tools returns Account Export, with flags of the fault case, and then the other tools */
export async function runFaultCases(
  faults: readonly FaultCase[],
  tools: (ownFlags: readonly string[]) => readonly Tool[],
  place: Pick<RunSetting, 'folder' | 'python'>,
  onRun: (text: string) => void,
): Promise<FaultRun[]> {
  const few = pLimit(CONCURRENCY);
  const unlimited = pLimit(Number.POSITIVE_INFINITY);
  return Promise.all(
    faults.flatMap((fault, t) => {
      const all = tools(fault.ownFlags ?? []);
      return (fault.ownFlags ? all.slice(0, 1) : all).map((tool, i) =>
        (fault.limitSeconds === LONG_SECONDS ? unlimited : few)(async () => {
          const run = await runTool(tool, {
            accounts: FAULT_ACCOUNTS,
            pageSize: FAULT_PAGE_SIZE,
            latencyMs: 0,
            fault: fault.name,
            limitSeconds: fault.limitSeconds ?? LIMIT_SECONDS,
            folder: path.join(place.folder, `fault-${t}-${i}`),
            python: place.python,
          });
          const ending = endingOf(run);
          onRun(`${fault.name}: ${tool.name} ${ending} after ${run.wallSeconds.toFixed(1)} s`);
          return { fault, tool: tool.name, ending, run };
        }),
      );
    }),
  );
}

export function endingOf({ timedOut, exitCode, comparison, verdict }: ToolRun): Ending {
  if (timedOut) return 'timedOut';
  if (exitCode !== 0) return 'failed';
  const { lost, duplicated, unknown } = comparison;
  if (lost + duplicated + unknown === 0) return 'complete';
  return verdict === 'drifted' ? 'reported' : 'undetected';
}

export interface ValueRun {
  readonly tool: string;
  readonly run: ToolRun;
}

/** Compares every account field by field. */
export async function runValueComparisons(
  tools: readonly Tool[],
  accounts: number,
  place: Pick<RunSetting, 'folder' | 'python'>,
): Promise<ValueRun[]> {
  const limit = pLimit(2);
  return Promise.all(
    tools.map((tool, i) =>
      limit(async () => {
        const folder = path.join(place.folder, `values-${i}`);
        const setting = { ...place, folder, accounts, pageSize: 1000, latencyMs: 0, fault: 'none' };
        return { tool: tool.name, run: await runTool(tool, { ...setting, limitSeconds: 200, compareValues: true }) };
      }),
    ),
  );
}
