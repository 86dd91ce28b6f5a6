/**
 * `npm run bench:peers`: compares Account Export, dlt and a Singer tap with the same simulator, accounts and machine. Writes
 * `docs/benchmarks-peers.md` and `.json`; `--quick` measures less, prints the page and writes nothing.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { document, figures } from './document.ts';
import { FAULT_CASES, LONG_SECONDS } from './fault-cases.ts';
import { runFaultCases, runValueComparisons } from './fault-runs.ts';
import { CannotBenchError, makePythonEnvironments } from './python-environments.ts';
import { measureSpeed } from './speed.ts';
import { accountExport, dlt, singer } from './tools.ts';

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const CACHE = at('../../.cache/peers');
const quick = process.argv.includes('--quick');
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const startedAt = Date.now();
  const [loadBefore = 0] = os.loadavg();
  say('Preparing the Python environments (the first time, this downloads packages)');
  const python = await makePythonEnvironments();
  const runs = path.join(CACHE, 'runs');
  await rm(runs, { recursive: true, force: true });
  await mkdir(runs, { recursive: true });
  const place = { folder: path.join(runs, 'speed'), python: python.python };

  const tools = (flags: readonly string[] = []) => [
    accountExport(flags),
    dlt(python, { attributes: 'json' }),
    singer(python, 'given'),
  ];
  const plan = {
    accounts: quick ? 10_000 : 100_000,
    pageSize: quick ? 100 : 1000,
    latencies: quick
      ? [{ latencyMs: 50, rounds: 1 }]
      : [
          { latencyMs: 0, rounds: 3 },
          { latencyMs: 50, rounds: 3 },
          { latencyMs: 200, rounds: 2 },
        ],
    variants: [
      accountExport(['--concurrency', '1'], 'Account Export, `--concurrency 1`'),
      dlt(python, { attributes: 'json', processes: 2 }, 'dlt, normalizing in 2 processes'),
    ],
    variantsAtMs: 50,
  };
  const speeds = await measureSpeed(tools(), plan, place, say);
  const others = { ...place, folder: runs };
  // Not timed, so they run in parallel.
  const [faults, values] = await Promise.all([
    runFaultCases(
      quick ? FAULT_CASES.filter(({ limitSeconds }) => limitSeconds !== LONG_SECONDS) : FAULT_CASES,
      tools,
      others,
      say,
    ),
    runValueComparisons(
      [
        accountExport(),
        dlt(python, { attributes: 'json' }, 'dlt, `attributes` declared JSON'),
        dlt(python, { attributes: 'columns' }, 'dlt, nothing declared'),
        singer(python, 'given', 'Singer, schema given'),
        singer(python, 'inferred', 'Singer, schema inferred'),
      ],
      quick ? 2000 : 20_000,
      others,
    ),
  ]);
  await rm(runs, { recursive: true, force: true });

  const found = {
    date: new Date(startedAt).toISOString().slice(0, 10),
    plan,
    python,
    speeds,
    faults,
    values,
    loadBefore,
    seconds: Math.round((Date.now() - startedAt) / 1000),
  };
  if (quick) {
    process.stdout.write(await document(found));
    return;
  }
  await writeFile(at('../../docs/benchmarks-peers.md'), await document(found));
  await writeFile(at('../../docs/benchmarks-peers.json'), `${JSON.stringify(figures(found), null, 2)}\n`);
  say(`Wrote docs/benchmarks-peers.md and .json after ${found.seconds} s.`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CannotBenchError)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 2;
}
