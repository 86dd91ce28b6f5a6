import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { FAULT_KINDS, type FaultRule, parseFault } from '../../simulator/faults.ts';
import { DEFAULT_KEY, DEFAULT_SEGMENTS, startSimulator } from '../../simulator/simulator.ts';
import { integer } from '../flags/integer.ts';
import { count } from '../terminal/terminal.ts';

interface SimulateFlags {
  accounts: number;
  latencyMs: number;
  port: number;
  dataset: string;
  seed: number;
  pageSizeCap?: number;
  grow?: number;
  shrink?: number;
  changeKeyAfter?: number;
  pretty?: boolean;
  plain?: boolean;
  fault: readonly FaultRule[];
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('a simulated Personalization tenant, to export from')
    .option('--accounts <n>', 'how many accounts it has', integer('--accounts', 0), 12_431)
    .option('--latency-ms <n>', 'how long each answer takes', integer('--latency-ms', 0), 0)
    .option('--port <n>', 'port on 127.0.0.1', integer('--port', 0, 65_535), 8787)
    .option('--dataset <id>', 'its dataset', 'engage')
    .option('--seed <n>', 'other accounts for another number', integer('--seed', 0), 1)
    .option('--page-size-cap <n>', 'serve at most so many a page, in silence', integer('--page-size-cap', 1))
    .option('--grow <n>', 'add n accounts before each page served', integer('--grow', 0))
    .option('--shrink <n>', 'remove n accounts before each page served', integer('--shrink', 0))
    .option('--change-key-after <n>', 'another key is needed after n requests', integer('--change-key-after', 0))
    .option('--pretty', 'JSON with blanks and line breaks')
    .option('--plain', 'accounts without quotes, backslashes and the like')
    .option(
      '--fault <fault>',
      'a fault on the first try of each page; may be repeated',
      (text: string, before: readonly FaultRule[]) => [...before, parseFault(text)],
      [] as readonly FaultRule[],
    )
    .addHelpText(
      'after',
      `
Faults: a status code, or
  ${FAULT_KINDS.slice(0, 6).join(', ')},
  ${FAULT_KINDS.slice(6).join(', ')}
each followed by :times=N, :always, :pages (probes are spared)
or, with a status code, :retry-after=SECONDS.

Segments for --filter:
  ${Object.keys(DEFAULT_SEGMENTS)
    .map((name) => JSON.stringify(name))
    .join(', ')}`,
    )
    .action(simulate);
}

async function simulate(flags: SimulateFlags): Promise<void> {
  const { plain, dataset, fault, grow = 0, shrink = 0, changeKeyAfter, ...options } = flags;
  const simulator = await startSimulator({
    ...options,
    nasty: plain !== true,
    datasets: [dataset],
    faults: fault,
    onRequest: ({ pageSize }, tenant) => {
      if (simulator.requests.length === changeKeyAfter) simulator.setKey(DEFAULT_KEY.keyId, 'another secret');
      // Probes of one or two records are no pages.
      if (pageSize > 2) tenant.setTotal(Math.max(0, tenant.total + grow - shrink));
    },
  }).catch((error: NodeJS.ErrnoException) => {
    throw new ExportError(
      'ConfigError',
      `The simulator cannot listen on port ${flags.port} (${error.code ?? 'unknown error'}): choose another with --port.`,
    );
  });
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  print(`Simulating ${count(flags.accounts)} accounts at ${simulator.url}; Ctrl-C ends it.`);
  print('In another terminal:');
  print(`  export PERSONALIZATION_API_KEY_ID=${DEFAULT_KEY.keyId}`);
  print(`  export PERSONALIZATION_API_KEY_SECRET=${DEFAULT_KEY.keySecret}`);
  print('  npm run --silent account-export -- run \\');
  print(`    --api-url ${simulator.url} --dataset ${dataset}`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve).once('SIGTERM', resolve);
  });
  await simulator.close();
}
