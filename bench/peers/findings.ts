/** What the figures say, in sentences made from them: where Account Export does better, and where another does. */
import { count, listed } from './markdown.ts';
import type { Speed } from './speed.ts';
import type { Ending, TroubleRun } from './trouble-runs.ts';
import { LONG_SECONDS, NO_ANSWER } from './troubles.ts';

/** The names of the three that are compared, Account Export first. */
export const COMPARED = ['Account Export', 'dlt', 'Singer'] as const;
const [OWN, ...OTHERS] = COMPARED;

export function speedFindings(speeds: readonly Speed[]): string[] {
  const latencies = [...new Set(speeds.map(({ latencyMs }) => latencyMs))];
  const of = (tool: string, latencyMs: number) =>
    speeds.find((speed) => speed.tool === tool && speed.latencyMs === latencyMs);
  const each = (latencyMs: number, text: (speed: Speed) => string) =>
    listed(COMPARED.flatMap((tool) => of(tool, latencyMs) ?? []).map((speed) => `${speed.tool} ${text(speed)}`));
  const slowest = latencies.at(-1) ?? 0;
  const [first = 0] = latencies;
  const own = of(OWN, slowest);
  const incomplete = speeds.filter(({ complete }) => !complete).map(({ tool }) => tool);
  return [
    ...latencies.map(
      (latencyMs) => `At ${latencyMs} ms an answer: ${each(latencyMs, (s) => `${s.wallSeconds.median.toFixed(1)} s`)}.`,
    ),
    `CPU, at ${first} ms: ${each(first, (s) => `${s.cpuSeconds.median.toFixed(1)} s`)}.`,
    `Memory of the largest process, at ${first} ms: ${each(first, (s) => `${s.peakMegabytes.median.toFixed(0)} MB`)}.`,
    `Requests: ${each(first, (s) => count(s.requests))}; records as a contract counts them: ${each(first, (s) => count(s.recordsServed))}. Account Export spends the difference on counting before and after and on looking at the borders of pages.`,
    ...(own ? [`Requests in flight at once, at ${slowest} ms: ${each(slowest, (s) => String(s.maxInFlight))}.`] : []),
    ...byConcurrency(speeds),
    incomplete.length === 0
      ? 'With nothing the matter, every run of every tool delivered every account once.'
      : `Not complete with nothing the matter: ${listed([...new Set(incomplete)])}.`,
  ];
}

/** How much of the difference in time is of asking for several pages at once, and what is left without. */
function byConcurrency(speeds: readonly Speed[]): string[] {
  const alone = speeds.find(({ tool }) => tool.includes('--concurrency 1'));
  const of = (name: string) => speeds.find(({ tool, latencyMs }) => tool === name && latencyMs === alone?.latencyMs);
  const own = of(OWN);
  if (!alone || !own) return [];
  const wall = (speed: Speed) => speed.wallSeconds.median;
  const atOnce = wall(alone) - wall(own);
  const others = OTHERS.flatMap((tool) => of(tool) ?? []).map((other) => {
    const rest = wall(other) - wall(alone);
    return `${Math.abs(rest).toFixed(1)} s ${rest < 0 ? 'more' : 'less'} than ${other.tool} (${count(other.requests)}, ${other.cpuSeconds.median.toFixed(1)} s)`;
  });
  return [
    `Several pages at once take ${Math.abs(atOnce).toFixed(1)} s ${atOnce < 0 ? 'more' : 'less'} than one at a time, at ${alone.latencyMs} ms: Account Export ${wall(own).toFixed(1)} s, told \`--concurrency 1\` ${wall(alone).toFixed(1)} s.`,
    ...(others.length === 0
      ? []
      : [
          `What is left without: one page at a time, Account Export (${count(alone.requests)} requests, ${alone.cpuSeconds.median.toFixed(1)} s of CPU) takes ${listed(others)}.`,
        ]),
  ];
}

export function troubleFindings(runs: readonly TroubleRun[]): string[] {
  const all = runs.filter(({ trouble }) => trouble.name !== 'none' && !trouble.ownFlags);
  const troubles = [...new Set(all.map(({ trouble }) => trouble.name))];
  const ending = (name: string, tool: string) =>
    all.find((run) => run.trouble.name === name && run.tool === tool)?.ending;
  const number = (tool: string, wanted: Ending) => troubles.filter((name) => ending(name, tool) === wanted).length;
  const each = (wanted: Ending) => listed(COMPARED.map((tool) => `${tool} ${number(tool, wanted)}`));
  const better = (tool: string, than: string) =>
    troubles.filter((name) => ending(name, tool) === 'complete' && ending(name, than) !== 'complete');
  const quoted = (names: readonly string[]) =>
    names.length === 0 ? 'none' : names.map((name) => `_${name}_`).join('; ');
  return [
    `Of ${troubles.length} troubles, said to be done and not complete, with nothing to tell it: ${each('silent')}.`,
    `Not complete, and the manifest says so: ${each('told')}.`,
    `Complete: ${each('complete')}. Failed: ${each('failed')}. Had to be stopped: ${each('endless')}.`,
    ...OTHERS.map((tool) => `${tool} ends complete where Account Export does not: ${quoted(better(tool, OWN))}.`),
    ...OTHERS.map((tool) => `Account Export ends complete where ${tool} does not: ${quoted(better(OWN, tool))}.`),
    ...patience(runs),
  ];
}

/** How long each waits for an answer: settings of its own. */
function patience(runs: readonly TroubleRun[]): string[] {
  if (!runs.some(({ trouble }) => trouble.name === NO_ANSWER)) return [];
  return [
    `Where no answer comes, each has its own patience: Account Export waits 120 s for an answer to begin and 240 s for all of it, dlt and the tap 60 s and 300 s for the next byte. Runs were stopped after ${LONG_SECONDS} s.`,
  ];
}
