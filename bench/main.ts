/**
 * `npm run bench`: measures every section but those with other tools, which `--peers` measures, and writes
 * `docs/benchmarks.json`, `docs/benchmarks.md` and its charts. Names choose sections; the figures of the others are kept.
 * `--quick` measures less, prints, and writes nothing. `--page` writes the page again without measuring.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { section as compression } from './compression.ts';
import { type Figures, figuresText, limitsTable, type Measured, pageOf, sectionText } from './document.ts';
import { section as memory } from './memory.ts';
import { section as page } from './page.ts';
import { section as faults } from './peers/faults.ts';
import { section as planning } from './planning.ts';
import { section as publishing } from './publishing.ts';
import { peers, run } from './run.ts';
import type { Section } from './section.ts';
import { section as start } from './start.ts';

/** In the order of the page. */
export const SECTIONS = { run, peers, page, planning, publishing, memory, start, compression, faults };
type Name = keyof typeof SECTIONS;
const PEERS: readonly Name[] = ['peers', 'faults'];

const DOCS = new URL('../docs/', import.meta.url);
const FIGURES = new URL('benchmarks.json', DOCS);

class UsageError extends Error {}

interface Usage {
  readonly names: readonly Name[];
  readonly quick: boolean;
}

function parseUsage(): Usage {
  const known = Object.keys(SECTIONS) as Name[];
  const usage = `Usage: npm run bench -- [--quick] [--peers] [--page] [${known.join('|')}]…`;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: 'boolean' }, peers: { type: 'boolean' }, page: { type: 'boolean' } },
    });
    if (values.page) return { names: [], quick: false };
    if (positionals.some((name) => !known.includes(name as Name))) throw new UsageError(usage);
    const names = known.filter((name) =>
      positionals.length > 0 ? positionals.includes(name) : PEERS.includes(name) === (values.peers === true),
    );
    return { names, quick: values.quick === true };
  } catch {
    throw new UsageError(usage);
  }
}

/** @returns whether every section was measured */
async function main(): Promise<boolean> {
  const { names, quick } = parseUsage();
  let failed = 0;
  for (const name of names) {
    process.stderr.write(`${name.padEnd(12)}`);
    const [load = 0] = loadavg();
    const startedAt = performance.now();
    const { measure, describe, question } = SECTIONS[name] as Section<object>;
    try {
      const rows = await measure(quick);
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      const described = describe(rows);
      process.stderr.write(`${seconds} s\n`);
      process.stdout.write(`## ${question}\n\n${described.answer}\n\n`);
      if (quick) process.stdout.write(`${sectionText(described)}\n\n${limitsTable([described])}\n\n`);
      else {
        const measured = { ...machine(), seconds, load };
        const figures = { ...(await storedFigures()), [name]: { measured, rows } };
        await writeFile(FIGURES, figuresText(figures, Object.keys(SECTIONS)));
      }
    } catch (error) {
      // The figures of the other sections took minutes to measure.
      process.stderr.write(`failed: ${error instanceof Error ? error.message : String(error)}\n`);
      failed++;
    }
  }
  if (!quick) {
    await writePage(await storedFigures());
    process.stderr.write('Wrote docs/benchmarks.json, docs/benchmarks.md and docs/images/bench-*.svg.\n');
  }
  return failed === 0;
}

async function storedFigures(): Promise<Figures> {
  return JSON.parse(await readFile(FIGURES, 'utf8')) as Figures;
}

async function writePage(figures: Figures): Promise<void> {
  const { markdown, images } = pageOf(SECTIONS, figures);
  await writeFile(new URL('benchmarks.md', DOCS), markdown);
  for (const [file, svg] of Object.entries(images)) await writeFile(new URL(`images/${file}`, DOCS), svg);
}

function machine(): Pick<Measured, 'date' | 'node' | 'machine'> {
  const cpu = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: `${availableParallelism()} cores of ${cpu}, ${process.platform} ${process.arch}`,
  };
}

if (import.meta.main) {
  try {
    process.exitCode = (await main()) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
