/**
 * `npm run bench`: runs every benchmark and writes `docs/benchmarks.md` and `docs/benchmarks.json`.
 * `npm run bench -- NAME` runs one benchmark and `--quick` measures less: both print and write nothing.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Machine, pageText, sectionText } from './report.ts';
import type { Benchmark, BenchSection } from './section.ts';

/** In the order of the page; loaded one by one, so that the modules of one do not slow another. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ readonly benchmark: Benchmark }>>> = {
  'page-transform': () => import('./page-transform.ts'),
  compression: () => import('./compression.ts'),
  'page-memory': () => import('./page-memory.ts'),
  bundles: () => import('./bundles.ts'),
  'fan-out': () => import('./fan-out.ts'),
  planning: () => import('./planning.ts'),
  publishing: () => import('./publishing.ts'),
};

class UsageError extends Error {}

function parseUsage(): { readonly names: readonly string[]; readonly quick: boolean; readonly whole: boolean } {
  const { values, positionals } = parseArguments();
  const known = Object.keys(BENCHMARKS);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`Unknown benchmark "${unknown}": use ${known.join(', ')}.`);
  const names = known.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { names, quick: values.quick === true, whole: positionals.length === 0 && values.quick !== true };
}

function parseArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' } } });
  } catch {
    throw new UsageError('Usage: npm run bench -- [--quick] [NAME…]');
  }
}

function machine(): Machine {
  return {
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString().slice(0, 10),
  };
}

async function writeDocs(sections: Readonly<Record<string, BenchSection>>): Promise<void> {
  const where = machine();
  const figures = Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, section.figures]));
  const docs = new URL('../docs/', import.meta.url);
  await writeFile(new URL('benchmarks.md', docs), pageText(Object.values(sections), where));
  await writeFile(
    new URL('benchmarks.json', docs),
    `${JSON.stringify({ machine: where, ...figures }, sixDigits, 2)}\n`,
  );
}

/** Rounds to the precision of the measurements. */
function sixDigits(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

async function main(): Promise<void> {
  const { names, quick, whole } = parseUsage();
  const note = (text: string) => void process.stderr.write(text);
  const sections: Record<string, BenchSection> = {};
  for (const [i, name] of names.entries()) {
    note(`${String(i + 1).padStart(2)}/${names.length} ${name.padEnd(16)} `);
    const startedAt = performance.now();
    const load = BENCHMARKS[name] as (typeof BENCHMARKS)[string];
    const section = await (await load()).benchmark({ quick });
    sections[name] = section;
    note(`${Math.round((performance.now() - startedAt) / 1000)} s\n`);
    if (!whole) process.stdout.write(`${sectionText(section)}\n\n`);
  }
  if (!whole) return;
  await writeDocs(sections);
  for (const { title, findings } of Object.values(sections)) {
    process.stdout.write(`${title}\n${findings.map((finding) => `  ${finding}\n`).join('')}`);
  }
  note('Wrote docs/benchmarks.md and docs/benchmarks.json.\n');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
