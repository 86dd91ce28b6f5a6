/** Measures each tool in interleaved rounds, each run against its own simulator. */
import type { Spread } from '../section.ts';
import { spreadOf } from '../spread.ts';
import { type RunSetting, runTool, type ToolRun } from './run-tool.ts';
import type { Tool } from './tools.ts';

export interface SpeedPlan {
  readonly accounts: number;
  readonly pageSize: number;
  readonly latencies: readonly { readonly latencyMs: number; readonly rounds: number }[];
  /** Measured once, at one latency, to explain differences. */
  readonly variants: readonly Tool[];
  readonly variantsAtMs: number;
}

export interface Speed {
  readonly tool: string;
  readonly latencyMs: number;
  readonly rounds: number;
  readonly wallSeconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMegabytes: Spread;
  readonly requests: number;
  readonly recordsServed: number;
  readonly maxInFlight: number;
  readonly deliveredMegabytes: number;
  readonly simulatorCpuSeconds: number;
  /** Every round was successful, with no account lost, duplicated or unknown. */
  readonly complete: boolean;
}

export async function measureSpeed(
  tools: readonly Tool[],
  plan: SpeedPlan,
  place: Pick<RunSetting, 'folder' | 'python'>,
  onRun: (text: string) => void,
): Promise<Speed[]> {
  const speeds: Speed[] = [];
  for (const { latencyMs, rounds } of plan.latencies) {
    const subjects = latencyMs === plan.variantsAtMs ? [...tools, ...plan.variants] : tools;
    const runs = new Map(subjects.map((tool) => [tool, [] as ToolRun[]]));
    for (let round = 0; round < rounds; round++) {
      // Rotates the order, so that no tool always runs first.
      const turn = round % subjects.length;
      for (const tool of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
        if (round > 0 && plan.variants.includes(tool)) continue;
        const setting = { ...place, accounts: plan.accounts, pageSize: plan.pageSize, latencyMs };
        const run = await runTool(tool, { ...setting, fault: 'none', limitSeconds: 300 });
        onRun(`${latencyMs} ms, round ${round + 1}: ${tool.name} ${run.wallSeconds.toFixed(1)} s`);
        runs.get(tool)?.push(run);
      }
    }
    for (const [tool, own] of runs) speeds.push(summary(tool.name, latencyMs, own));
  }
  return speeds;
}

function summary(tool: string, latencyMs: number, runs: readonly ToolRun[]): Speed {
  const spread = (figure: (run: ToolRun) => number) => spreadOf(runs.map(figure));
  return {
    tool,
    latencyMs,
    rounds: runs.length,
    wallSeconds: spread(({ wallSeconds }) => wallSeconds),
    cpuSeconds: spread(({ cpuSeconds }) => cpuSeconds),
    peakMegabytes: spread(({ peakBytes }) => peakBytes / 1e6),
    requests: spread(({ seen }) => seen.requests).median,
    recordsServed: spread(({ seen }) => seen.recordsServed).median,
    maxInFlight: spread(({ seen }) => seen.maxInFlight).max,
    deliveredMegabytes: spread(({ deliveredBytes }) => deliveredBytes / 1e6).median,
    simulatorCpuSeconds: spread(({ seen }) => seen.cpuMs / 1000).median,
    complete: runs.every(isComplete),
  };
}

export function isComplete({ exitCode, timedOut, comparison }: ToolRun): boolean {
  const { lost, duplicated, unknown } = comparison;
  return exitCode === 0 && !timedOut && lost + duplicated + unknown === 0;
}
