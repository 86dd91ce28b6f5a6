/** A simulator in its own process, so that its CPU time is measured separately. It answers every message with what it saw. */
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { cpuMs } from './measure.ts';
import { FAULT_CASES, idOf, onRequestOf } from './peers/fault-cases.ts';

/** The simulator's options: the process's argument, as JSON. */
export interface SimulatorSetting {
  readonly accounts: number;
  readonly latencyMs: number;
  /** The name of one of `FAULT_CASES`. @default no fault */
  readonly fault?: string;
  /** Makes each response once, so that the simulator takes little CPU time. The accounts must not change. */
  readonly cacheResponses?: boolean;
}

/** Since the last message. */
export interface SeenBySimulator {
  readonly requests: number;
  /** In truncated responses too: what the contract counts. */
  readonly records: number;
  /** From the first request for a page after the first one to the end of the last. */
  readonly pagesMs: number;
  readonly cpuMs: number;
  /** The ids of the original accounts that still exist; only when the fault case changes accounts. */
  readonly remaining?: readonly number[];
}

/** A response with more records is a page; others are probes. */
const PROBE_RECORDS = 20;

const { fault: name = 'none', ...options } = JSON.parse(process.argv[2] ?? '{}') as SimulatorSetting;
const fault = FAULT_CASES.find((one) => one.name === name);
if (!fault) throw new Error(`Unknown fault case "${name}".`);
const simulator: Simulator = await startSimulator({
  ...options,
  ...fault.options,
  onRequest: onRequestOf(fault, (keyId, secret) => simulator.setKey(keyId, secret)),
});

let [reported, cpuBefore] = [0, cpuMs()];
process.on('message', () => {
  const since = simulator.requests.slice(reported);
  const pages = since.filter(({ page, records }) => page > 0 && records > PROBE_RECORDS);
  const [from, to] = [
    Math.min(...pages.map(({ startedAt }) => startedAt)),
    Math.max(...pages.map(({ endedAt }) => endedAt)),
  ];
  const seen: SeenBySimulator = {
    requests: since.length,
    records: since.reduce((sum, { records }) => sum + records, 0),
    pagesMs: pages.length === 0 ? 0 : to - from,
    cpuMs: cpuMs() - cpuBefore,
    ...(fault.changesAccounts ? { remaining: remaining() } : {}),
  };
  [reported, cpuBefore] = [simulator.requests.length, cpuMs()];
  process.send?.(seen);
});
process.once('disconnect', () => process.exit());
process.send?.(simulator.url);

function remaining(): number[] {
  return Array.from({ length: simulator.tenant.total }, (_, i) => {
    const { name } = JSON.parse(simulator.tenant.json(i) ?? '{}') as { name: string };
    return idOf(name) ?? Number.NaN;
  }).filter((id) => id < options.accounts);
}
