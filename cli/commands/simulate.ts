import { once } from 'node:events';
import { Command, Option } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { ATTRIBUTE_SHAPES, type AttributeShape } from '../../simulator/attribute-shapes.ts';
import { FAULT_KINDS, type FaultRule, MAX_PROBE_SIZE, parseFault } from '../../simulator/faults.ts';
import { simulatedAs } from '../../simulator/fingerprint-accounts.ts';
import { DEFAULT_KEY, DEFAULT_SEGMENTS, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { integer } from '../flags/common-flags.ts';
import { loadFingerprint } from '../tenant/fingerprint-file.ts';
import { count } from '../terminal/format.ts';
import type { Terminal } from '../terminal/terminal.ts';

type SimulateFlags = Pick<
  SimulatorOptions,
  'latencyMs' | 'port' | 'seed' | 'pageSizeCap' | 'pretty' | 'unknownField' | 'omitEmptyCsvColumns'
> & {
  accounts?: number;
  from?: string;
  dataset: string;
  grow?: number;
  shrink?: number;
  changeKeyAfter?: number;
  plain?: boolean;
  attributes: AttributeShape;
  fault?: readonly FaultRule[];
};

const DEFAULT_ACCOUNTS = 12_431;

export function simulateCommand(terminal: Terminal): Command {
  return new Command('simulate')
    .option('--accounts <n>', `number of accounts (default: ${DEFAULT_ACCOUNTS}, or as in the --from file)`, integer(0))
    .option('--latency-ms <n>', 'latency of each response (default: 0, or as in the --from file)', integer(0))
    .addOption(
      new Option('--from <file>', 'behave like the tenant whose fingerprint doctor --save saved').conflicts([
        'attributes',
        'omitEmptyCsvColumns',
        'plain',
        'seed',
        'unknownField',
      ]),
    )
    .option('--port <n>', 'port on 127.0.0.1', integer(0, 65_535), 8787)
    .option('--dataset <id>', 'dataset id', 'engage')
    .option('--seed <n>', 'seed of the account data', integer(0), 1)
    .option('--page-size-cap <n>', 'cap pages at n accounts without an error', integer(1))
    .option('--grow <n>', 'add n accounts before each page', integer(0))
    .option('--shrink <n>', 'remove n accounts before each page', integer(0))
    .option('--change-key-after <n>', 'reject the API key after n requests', integer(0))
    .option('--pretty', 'format the JSON with whitespace')
    .option('--plain', 'no special characters in the accounts')
    .addOption(
      new Option('--attributes <shape>', 'shape of the attributes in JSON').choices(ATTRIBUTE_SHAPES).default('flat'),
    )
    .option('--omit-empty-csv-columns', 'omit attributes that no account on a CSV page has')
    .option('--unknown-field', 'send a field that the tables do not have')
    .option('--verbose', 'print stack traces with errors')
    .option(
      '--fault <fault>',
      'inject a fault into the first request of each page; repeatable',
      (text: string, before: readonly FaultRule[] = []) => [...before, parseFault(text)],
    )
    .addHelpText(
      'after',
      `
Faults: a status code, or
  ${FAULT_KINDS.slice(0, 6).join(', ')},
  ${FAULT_KINDS.slice(6).join(', ')}
Modifiers: :times=N, :always, :pages (not into probes) and, for a status
code, :retry-after=SECONDS. Requests for up to 22 accounts count as probes.

Segments for --filter:
  ${Object.keys(DEFAULT_SEGMENTS)
    .map((name) => JSON.stringify(name))
    .join(', ')}`,
    )
    .action((flags: SimulateFlags) => simulate(flags, terminal));
}

async function simulate(flags: SimulateFlags, terminal: Terminal): Promise<void> {
  const signal = terminal.interrupted();
  const { plain, attributes, dataset, fault = [], grow = 0, shrink = 0, changeKeyAfter, from, ...options } = flags;
  const like = from === undefined ? { accounts: DEFAULT_ACCOUNTS } : simulatedAs(await loadFingerprint(from));
  const simulator = await startSimulator({
    ...like,
    ...options,
    nasty: plain !== true,
    attributeShape: attributes,
    unknownField: options.unknownField === true,
    datasets: [dataset],
    faults: fault,
    onRequest: ({ pageSize }, tenant) => {
      if (simulator.requests.length === changeKeyAfter) simulator.setKey(DEFAULT_KEY.keyId, 'another secret');
      if (pageSize > MAX_PROBE_SIZE) tenant.setTotal(Math.max(0, tenant.total + grow - shrink));
    },
  }).catch((error: NodeJS.ErrnoException) => {
    throw new ExportError(
      'ConfigError',
      `Cannot listen on port ${flags.port} (${error.code ?? 'unknown error'}): choose another --port.`,
    );
  });
  terminal.stdout.write(`\
Simulating ${count(simulator.tenant.total)} accounts at ${simulator.url}
Stop it with Ctrl-C. In another terminal:
  export PERSONALIZATION_API_KEY_ID=${DEFAULT_KEY.keyId}
  export PERSONALIZATION_API_KEY_SECRET=${DEFAULT_KEY.keySecret}
  ${PROGRAM} run \\
    --api-url ${simulator.url} --dataset ${dataset}
`);
  if (!signal.aborted) await once(signal, 'abort');
  await simulator.close();
}
