/** A simulator in its own process, so that its CPU time is measured separately. It answers every message with what it saw. */
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { cpuMs } from './measure.ts';
import { idOf } from './peers/account-id.ts';
import { FAULT_CASES, onRequestOf } from './peers/fault-cases.ts';

/** The simulator's options: the process's argument, as JSON. */
export interface SimulatorSetting {
  readonly accounts: number;
  readonly latencyMs: number;
  /** The name of one of `FAULT_CASES`. @default no fault */
  readonly fault?: string;
  /** The accounts must not change. */
  readonly cacheResponses?: boolean;
}

export interface SeenBySimulator {
  readonly requests: number;
  /** In truncated responses too: what the contract counts. */
  readonly recordsServed: number;
  readonly maxInFlight: number;
  readonly cpuMs: number;
  /** The ids of the original accounts that still exist; only when the fault case changes accounts. */
  readonly remaining?: readonly number[];
}

const { fault: name = 'none', ...options } = JSON.parse(process.argv[2] ?? '{}') as SimulatorSetting;
const fault = FAULT_CASES.find((one) => one.name === name);
if (!fault) throw new Error(`Unknown fault case "${name}".`);
const simulator: Simulator = await startSimulator({
  ...options,
  ...fault.options,
  onRequest: onRequestOf(fault, (keyId, secret) => simulator.setKey(keyId, secret)),
});

process.on('message', () => {
  const seen: SeenBySimulator = {
    requests: simulator.requests.length,
    recordsServed: simulator.recordsServed(),
    maxInFlight: simulator.maxInFlight(),
    cpuMs: cpuMs(),
    ...(fault.changesAccounts ? { remaining: remaining() } : {}),
  };
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
