/** Sentences generated from the figures: where Account Export does better, and where other tools do. */
import { grouped, listed } from '../spread.ts';
import { LONG_SECONDS, NO_RESPONSE } from './fault-cases.ts';
import type { Ending, FaultRun } from './fault-runs.ts';
import type { Speed } from './speed.ts';

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
      (latencyMs) =>
        `At ${latencyMs} ms per response: ${each(latencyMs, (s) => `${s.wallSeconds.median.toFixed(1)} s`)}.`,
    ),
    `CPU at ${first} ms: ${each(first, (s) => `${s.cpuSeconds.median.toFixed(1)} s`)}.`,
    `Memory of the largest process at ${first} ms: ${each(first, (s) => `${s.peakMegabytes.median.toFixed(0)} MB`)}.`,
    `Requests: ${each(first, (s) => grouped(s.requests))}; records: ${each(first, (s) => grouped(s.recordsServed))}. Account Export uses the difference to count accounts before and after the pages and to check page boundaries.`,
    ...(own ? [`Requests in flight at ${slowest} ms: ${each(slowest, (s) => String(s.maxInFlight))}.`] : []),
    ...byConcurrency(speeds),
    incomplete.length === 0
      ? 'Without faults, every run of every tool delivered every account once.'
      : `Not complete without faults: ${listed([...new Set(incomplete)])}.`,
  ];
}

/** How much of the difference in time comes from concurrency. */
function byConcurrency(speeds: readonly Speed[]): string[] {
  const sequential = speeds.find(({ tool }) => tool.includes('--concurrency 1'));
  const of = (name: string) =>
    speeds.find(({ tool, latencyMs }) => tool === name && latencyMs === sequential?.latencyMs);
  const own = of(OWN);
  if (!sequential || !own) return [];
  const wall = (speed: Speed) => speed.wallSeconds.median;
  const saved = wall(sequential) - wall(own);
  const others = OTHERS.flatMap((tool) => of(tool) ?? []).map((other) => {
    const rest = wall(other) - wall(sequential);
    return `${Math.abs(rest).toFixed(1)} s ${rest < 0 ? 'more' : 'less'} than ${other.tool} (${grouped(other.requests)}, ${other.cpuSeconds.median.toFixed(1)} s)`;
  });
  return [
    `At ${sequential.latencyMs} ms, concurrency ${saved < 0 ? 'costs' : 'saves'} ${Math.abs(saved).toFixed(1)} s: Account Export takes ${wall(own).toFixed(1)} s, with \`--concurrency 1\` ${wall(sequential).toFixed(1)} s.`,
    ...(others.length === 0
      ? []
      : [
          `Without concurrency, Account Export (${grouped(sequential.requests)} requests, ${sequential.cpuSeconds.median.toFixed(1)} s of CPU) takes ${listed(others)}.`,
        ]),
  ];
}

export function faultFindings(runs: readonly FaultRun[]): string[] {
  const all = runs.filter(({ fault }) => fault.name !== 'none' && !fault.ownFlags);
  const faults = [...new Set(all.map(({ fault }) => fault.name))];
  const ending = (name: string, tool: string) =>
    all.find((run) => run.fault.name === name && run.tool === tool)?.ending;
  const number = (tool: string, wanted: Ending) => faults.filter((name) => ending(name, tool) === wanted).length;
  const each = (wanted: Ending) => listed(COMPARED.map((tool) => `${tool} ${number(tool, wanted)}`));
  const better = (tool: string, than: string) =>
    faults.filter((name) => ending(name, tool) === 'complete' && ending(name, than) !== 'complete');
  const quoted = (names: readonly string[]) =>
    names.length === 0 ? 'none' : names.map((name) => `_${name}_`).join('; ');
  return [
    `Of ${faults.length} faults, successful but incomplete without any sign of it: ${each('undetected')}.`,
    `Incomplete, and the manifest says so: ${each('reported')}.`,
    `Complete: ${each('complete')}. Failed: ${each('failed')}. Stopped at the time limit: ${each('timedOut')}.`,
    ...OTHERS.map((tool) => `${tool} is complete and Account Export is not: ${quoted(better(tool, OWN))}.`),
    ...OTHERS.map((tool) => `Account Export is complete and ${tool} is not: ${quoted(better(OWN, tool))}.`),
    ...timeouts(runs),
  ];
}

function timeouts(runs: readonly FaultRun[]): string[] {
  if (!runs.some(({ fault }) => fault.name === NO_RESPONSE)) return [];
  return [
    `Timeouts differ: Account Export waits 120 s for a response to start and 240 s for all of it; dlt waits 60 s and the tap 300 s for the next byte. Runs were stopped after ${LONG_SECONDS} s.`,
  ];
}
