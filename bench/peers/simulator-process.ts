/** The simulator as a process of its own, so that its CPU is nobody else's; what it saw is asked for over IPC. */
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { idOf } from './account-id.ts';
import { onRequestOf, TROUBLES } from './troubles.ts';

/** How the simulator is to be: its argument, as JSON. */
export interface SimulatorSetting {
  readonly accounts: number;
  readonly latencyMs: number;
  /** One of `TROUBLES`. */
  readonly trouble: string;
}

/** What came of it: its answer to any message. */
export interface SeenBySimulator {
  readonly requests: number;
  /** As the contract counts: every record served, whole answers or not. */
  readonly recordsServed: number;
  readonly maxInFlight: number;
  readonly cpuSeconds: number;
  /** The accounts that lived throughout, where some came or went. */
  readonly remaining?: readonly number[];
}

const { accounts, latencyMs, trouble: name } = JSON.parse(process.argv[2] ?? '{}') as SimulatorSetting;
const trouble = TROUBLES.find((one) => one.name === name);
if (!trouble) throw new Error(`no trouble is named ${name}`);
const simulator: Simulator = await startSimulator({
  accounts,
  latencyMs,
  ...trouble.options,
  onRequest: onRequestOf(trouble, () => simulator),
});

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const seen: SeenBySimulator = {
    requests: simulator.requests.length,
    recordsServed: simulator.recordsServed(),
    maxInFlight: simulator.maxInFlight(),
    cpuSeconds: (user + system) / 1_000_000,
    ...(trouble.moves ? { remaining: remaining() } : {}),
  };
  process.send?.(seen);
});
process.once('disconnect', () => process.exit());
process.send?.(simulator.url);

function remaining(): number[] {
  const ids: number[] = [];
  for (let i = 0; i < simulator.tenant.total; i++) {
    const { name } = JSON.parse(simulator.tenant.json(i) ?? '{}') as { name: string };
    const id = idOf(name);
    if (id !== undefined && id < accounts) ids.push(id);
  }
  return ids;
}
