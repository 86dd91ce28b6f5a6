/** Finds the smallest Lambda memory setting in which the largest and hardest bodies fit. */
import type { ExportFormat } from '../functions/model/export-format.ts';
import { bodyOf } from './pages.ts';
import type { BenchTable } from './section.ts';

const SETTINGS_MB = [512, 768, 1024] as const;
/** Assumed memory outside the heap: 1,024 MB then leave 900 MB of heap, as in the tests of hostile bodies. */
const OUTSIDE_HEAP_MB = 124;
/** For bodies that were not measured: a page that runs out of memory fails its run. */
const SAFETY_FACTOR = 1.25;
/** Pages per container, because garbage of one page counts in the peak of the next. */
export const PAGES_IN_TURN = 3;
const ACCOUNTS = 10_000;
/** Values per account; 10,000 accounts then nearly reach the limit of values per body (`body-limits.ts`). */
const VALUES = 240;

/** Exports a body `PAGES_IN_TURN` times in a new process. @returns peak MB; `null` when out of memory */
export type MeasurePeak = (format: ExportFormat, body: Buffer, heapMb: number) => Promise<number | null>;

export interface BodyPeaks {
  readonly what: string;
  readonly format: ExportFormat;
  readonly bodyMb: number;
  /** By setting; `null` when out of memory. */
  readonly peakMb: Readonly<Record<number, number | null>>;
}

export interface MinimumMemory {
  /** The smallest setting that fits every body with the safety factor; `Infinity` when none does. */
  readonly minimumMb: number;
  readonly bodies: readonly BodyPeaks[];
  readonly table: BenchTable;
  readonly finding: string;
}

/** The heap limit, in MB, for a memory setting. */
export function heapOf(memoryMb: number): number {
  return memoryMb - OUTSIDE_HEAP_MB;
}

/** @param largest bodies of ordinary accounts close to the size limit */
export async function measureBodies(
  largest: Readonly<Record<ExportFormat, Buffer>>,
  measurePeak: MeasurePeak,
): Promise<BodyPeaks[]> {
  const bodies: BodyPeaks[] = [];
  for (const { what, format, body } of [...ordinary(largest), ...hard()]) {
    const peakMb: Record<number, number | null> = {};
    for (const memoryMb of SETTINGS_MB) peakMb[memoryMb] = await measurePeak(format, body, heapOf(memoryMb));
    bodies.push({ what, format, bodyMb: body.length / 2 ** 20, peakMb });
  }
  return bodies;
}

export function minimumMemory(bodies: readonly BodyPeaks[]): MinimumMemory {
  const maximum = (memoryMb: number) => Math.max(...bodies.map(({ peakMb }) => peakMb[memoryMb] ?? Infinity));
  const minimumMb = SETTINGS_MB.find((memoryMb) => maximum(memoryMb) * SAFETY_FACTOR <= memoryMb) ?? Infinity;
  return {
    minimumMb,
    bodies,
    table: tableOf(bodies),
    finding: `The highest peaks are ${SETTINGS_MB.map((memoryMb) => `${quotePeak(maximum(memoryMb))} with ${memoryMb} MB`).join(', ')}. A page that runs out of memory fails its run, so a quarter is added for bodies that were not measured. ${Number.isFinite(minimumMb) ? `${minimumMb} MB is the smallest setting with that reserve` : '**No setting has that reserve**'}.`,
  };
}

function ordinary(largest: Readonly<Record<ExportFormat, Buffer>>) {
  return Object.entries(largest).map(([format, body]) => ({
    what: 'accounts as above',
    format: format as ExportFormat,
    body,
  }));
}

/** Bodies that need more memory than their size suggests. */
function hard(): { readonly what: string; readonly format: ExportFormat; readonly body: Buffer }[] {
  const attributes = bodyOfAttributes((account) => list(VALUES, (i) => `"${i % 90}${account % 90}":${i}`));
  const escapes = bodyOfAttributes(() => `"a":["${'\\"'.repeat(1500)}"]`);
  return [
    { what: `${VALUES} attributes`, format: 'parquet', body: attributes },
    { what: 'nested attributes, all escapes', format: 'json', body: escapes },
    { what: `${VALUES} columns`, format: 'csv', body: csvOfColumns() },
  ];
}

function bodyOfAttributes(attributes: (account: number) => string): Buffer {
  return Buffer.from(`[${list(ACCOUNTS, (i) => `{"name":"${i}","attributes":{${attributes(i)}}}`)}]`);
}

function csvOfColumns(): Buffer {
  const columns = bodyOf('csv', 1).toString().split('\n', 1)[0]?.split(',') ?? [];
  const header = [...columns, ...Array.from({ length: VALUES - columns.length }, (_, i) => `extra${i}`)];
  const rows = Array.from({ length: ACCOUNTS }, (_, row) => header.map((_, i) => `v${i}-${row} b`).join(','));
  return Buffer.from(`${[header.join(','), ...rows].join('\n')}\n`);
}

function list(count: number, one: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => one(i)).join(',');
}

function quotePeak(mb: number): string {
  return Number.isFinite(mb) ? `${mb.toFixed(0)} MB` : 'out of memory';
}

function tableOf(bodies: readonly BodyPeaks[]): BenchTable {
  return {
    head: [`${PAGES_IN_TURN} pages`, 'of', 'body', ...SETTINGS_MB.map((memoryMb) => `peak with ${memoryMb} MB`)],
    align: `llr${'r'.repeat(SETTINGS_MB.length)}`,
    rows: bodies.map(({ what, format, bodyMb, peakMb }) => [
      format,
      what,
      `${bodyMb.toFixed(1)} MB`,
      ...SETTINGS_MB.map((memoryMb) => quotePeak(peakMb[memoryMb] ?? Infinity)),
    ]),
  };
}
