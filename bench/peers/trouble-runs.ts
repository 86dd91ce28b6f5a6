/** Runs that are not timed, a few at once: every trouble with every tool, and what becomes of values. */
import path from 'node:path';
import pLimit from 'p-limit';
import { type RunSetting, runTool, type ToolRun } from './run-tool.ts';
import type { Tool } from './tools.ts';
import { LONG_SECONDS, TROUBLE_ACCOUNTS, TROUBLE_PAGE_SIZE, type Trouble } from './troubles.ts';

/** What a tool made of a trouble, in a word. */
export type Ending =
  /** Done, and every account that was there throughout is there once. */
  | 'complete'
  /** Done, not complete, and said so. */
  | 'told'
  /** Done, not complete, and nothing tells. */
  | 'silent'
  | 'failed'
  /** Had to be stopped. */
  | 'endless';

export interface TroubleRun {
  readonly trouble: Trouble;
  readonly tool: string;
  readonly ending: Ending;
  readonly run: ToolRun;
}

/** Runs in work at once, beside those that do little but wait. */
const AT_ONCE = 3;
const LIMIT_SECONDS = 40;

/** @param tools Account Export first, which may be told more by a trouble */
export async function tryTroubles(
  troubles: readonly Trouble[],
  tools: (ownFlags: readonly string[]) => readonly Tool[],
  place: Pick<RunSetting, 'folder' | 'python'>,
  onRun: (text: string) => void,
): Promise<TroubleRun[]> {
  const few = pLimit(AT_ONCE);
  const all = pLimit(Number.POSITIVE_INFINITY);
  return Promise.all(
    troubles.flatMap((trouble, t) => {
      // What only Account Export is told changes nothing for the others.
      const told = tools(trouble.ownFlags ?? []);
      return (trouble.ownFlags ? told.slice(0, 1) : told).map((tool, i) =>
        (trouble.limitSeconds === LONG_SECONDS ? all : few)(async () => {
          const run = await runTool(tool, {
            accounts: TROUBLE_ACCOUNTS,
            pageSize: TROUBLE_PAGE_SIZE,
            latencyMs: 0,
            trouble: trouble.name,
            limitSeconds: trouble.limitSeconds ?? LIMIT_SECONDS,
            folder: path.join(place.folder, `trouble-${t}-${i}`),
            python: place.python,
          });
          const ending = endingOf(run);
          onRun(`${trouble.name}: ${tool.name} ${ending} after ${run.wallSeconds.toFixed(1)} s`);
          return { trouble, tool: tool.name, ending, run };
        }),
      );
    }),
  );
}

export function endingOf({ timedOut, exitCode, comparison, verdict }: ToolRun): Ending {
  if (timedOut) return 'endless';
  if (exitCode !== 0) return 'failed';
  const { lost, doubled, unknown } = comparison;
  if (lost + doubled + unknown === 0) return 'complete';
  return verdict === 'drifted' ? 'told' : 'silent';
}

export interface ValueRun {
  readonly tool: string;
  readonly run: ToolRun;
}

/** What becomes of values: every account compared, field by field. */
export async function tryValues(
  tools: readonly Tool[],
  accounts: number,
  place: Pick<RunSetting, 'folder' | 'python'>,
): Promise<ValueRun[]> {
  const limit = pLimit(2);
  return Promise.all(
    tools.map((tool, i) =>
      limit(async () => {
        const folder = path.join(place.folder, `values-${i}`);
        const setting = { ...place, folder, accounts, pageSize: 1000, latencyMs: 0, trouble: 'none' };
        return { tool: tool.name, run: await runTool(tool, { ...setting, limitSeconds: 200, compareValues: true }) };
      }),
    ),
  );
}
