/**
 * `npm run bench:peers`: the same simulator, accounts and machine for Account Export, dlt and a Singer tap.
 * Writes `docs/benchmarks-peers.md` and `.json`; with `--quick` it prints a smaller one, without what
 * takes minutes of waiting, and writes nothing.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { document, figures } from './document.ts';
import { CannotBenchError, makePythonEnvironments } from './python-environments.ts';
import { measureSpeed } from './speed.ts';
import { accountExport, dlt, singer } from './tools.ts';
import { tryTroubles, tryValues } from './trouble-runs.ts';
import { LONG_SECONDS, TROUBLES } from './troubles.ts';

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const CACHE = at('../../.cache/peers');
const quick = process.argv.includes('--quick');
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const startedAt = Date.now();
  const [loadBefore = 0] = os.loadavg();
  say('Python environments of the others (the first time, packages are fetched)');
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
      dlt(python, { attributes: 'json', processes: 2 }, 'dlt, normalising in 2 processes'),
    ],
    variantsAtMs: 50,
  };
  const speeds = await measureSpeed(tools(), plan, place, say);
  const others = { ...place, folder: runs };
  // None of these is timed, so they go at once: the troubles wait most of the time.
  const [troubles, values] = await Promise.all([
    tryTroubles(
      quick ? TROUBLES.filter(({ limitSeconds }) => limitSeconds !== LONG_SECONDS) : TROUBLES,
      tools,
      others,
      say,
    ),
    tryValues(
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
    troubles,
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
  say(`docs/benchmarks-peers.md and .json are written, after ${found.seconds} s`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof CannotBenchError)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 2;
}
