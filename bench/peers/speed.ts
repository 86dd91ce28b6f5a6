/** The same accounts exported by each tool, round after round, each against a simulator of its own. */
import type { Spread } from '../section.ts';
import { spreadOf } from '../spread.ts';
import { type RunSetting, runTool, type ToolRun } from './run-tool.ts';
import type { Tool } from './tools.ts';

export interface SpeedPlan {
  readonly accounts: number;
  readonly pageSize: number;
  readonly latencies: readonly { readonly latencyMs: number; readonly rounds: number }[];
  /** Beside the others at one latency, to tell what makes the difference. */
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
  /** In every round: done, no account lost, doubled or unknown. */
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
    const beside = latencyMs === plan.variantsAtMs ? [...tools, ...plan.variants] : tools;
    const runs = new Map(beside.map((tool) => [tool, [] as ToolRun[]]));
    for (let round = 0; round < rounds; round++) {
      // Each round begins with another, so that none is always first or always behind the same one.
      const turn = round % beside.length;
      for (const tool of [...beside.slice(turn), ...beside.slice(0, turn)]) {
        // A variant explains, and is not what is compared: once is enough.
        if (round > 0 && plan.variants.includes(tool)) continue;
        const setting = { ...place, accounts: plan.accounts, pageSize: plan.pageSize, latencyMs };
        const run = await runTool(tool, { ...setting, trouble: 'none', limitSeconds: 300 });
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
    simulatorCpuSeconds: spread(({ seen }) => seen.cpuSeconds).median,
    complete: runs.every(isComplete),
  };
}

export function isComplete({ exitCode, timedOut, comparison }: ToolRun): boolean {
  const { lost, doubled, unknown } = comparison;
  return exitCode === 0 && !timedOut && lost + doubled + unknown === 0;
}
