/** A simulator as a process of its own, that makes each page once. Tells where it listens, and its CPU time when asked. */
import { startSimulator } from '../simulator/simulator.ts';
import { cpuMs } from './measure.ts';

const [accounts = 0, latencyMs = 0] = process.argv.slice(2).map(Number);
const { url } = await startSimulator({ accounts, latencyMs, keepAnswers: true });
process.on('message', () => process.send?.(cpuMs()));
process.once('disconnect', () => process.exit());
process.send?.(url);
