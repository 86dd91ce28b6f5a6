/** A simulator as a process of its own, that makes each page once. Prints where it listens. */
import { startSimulator } from '../simulator/simulator.ts';

const [accounts = 0, latencyMs = 0] = process.argv.slice(2).map(Number);
const { url } = await startSimulator({ accounts, latencyMs, keepAnswers: true });
process.stdout.write(`${url}\n`);
