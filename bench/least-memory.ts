/** With how much of Lambda's memory pages get through, one after the other, when their bodies are large or hard. */
import { bodyOf, type Format } from './pages.ts';
import type { BenchTable } from './section.ts';

/** Settings that may be too little; what is larger bears what these bear. */
const TRIED_MB = [512, 768, 1024] as const;
/** What is taken to lie outside of the heap, with any memory: 900 MB of 1,024 are then the heap's, as in the hostile tests. */
const OUTSIDE_HEAP_MB = 124;
/** Over the greatest peak, for bodies that were not tried: a page that runs out of memory fails its export. */
const TO_SPARE = 1.25;
/** What a container exports one after the other: what one leaves behind weighs on the next. */
export const PAGES_IN_TURN = 3;
const ACCOUNTS = 10_000;
/** Of an account: 10,000 times as many are nearly all that a body may hold (`body-limits.ts`). */
const VALUES = 240;

/** What exports a body `PAGES_IN_TURN` times in a process of its own: its peak in MB; `null` where it ran out of memory. */
export type PeakWith = (format: Format, body: Buffer, heapMb: number) => Promise<number | null>;

interface Borne {
  readonly what: string;
  readonly format: Format;
  readonly bodyMb: number;
  /** By setting; `null` where it ran out of memory. */
  readonly peakMb: Readonly<Record<number, number | null>>;
}

export interface LeastMemory {
  /** The least setting that bears every body that was tried, with something to spare; `Infinity` where none does. */
  readonly leastMb: number;
  readonly bodies: readonly Borne[];
  readonly table: BenchTable;
  readonly finding: string;
}

/** Heap that a process may have with so much memory. */
export function heapOf(memoryMb: number): number {
  return memoryMb - OUTSIDE_HEAP_MB;
}

/** @param largest bodies of ordinary accounts, as large as are taken */
export async function leastMemory(largest: Readonly<Record<Format, Buffer>>, peakWith: PeakWith): Promise<LeastMemory> {
  const bodies: Borne[] = [];
  for (const { what, format, body } of [...ordinary(largest), ...hard()]) {
    const peakMb: Record<number, number | null> = {};
    for (const memoryMb of TRIED_MB) peakMb[memoryMb] = await peakWith(format, body, heapOf(memoryMb));
    bodies.push({ what, format, bodyMb: body.length / 2 ** 20, peakMb });
  }
  const greatest = (memoryMb: number) => Math.max(...bodies.map(({ peakMb }) => peakMb[memoryMb] ?? Infinity));
  const leastMb = TRIED_MB.find((memoryMb) => greatest(memoryMb) * TO_SPARE <= memoryMb) ?? Infinity;
  return {
    leastMb,
    bodies,
    table: tableOf(bodies),
    finding: `The greatest peaks are ${TRIED_MB.map((memoryMb) => `${quotePeak(greatest(memoryMb))} with ${memoryMb} MB`).join(', ')}. A quarter over them is to spare, for bodies that were not tried: a page that runs out of memory fails its export. ${Number.isFinite(leastMb) ? `${leastMb} MB is the least that has it` : '**None of these has it**'}.`,
  };
}

function ordinary(largest: Readonly<Record<Format, Buffer>>) {
  return Object.entries(largest).map(([format, body]) => ({
    what: 'accounts as above',
    format: format as Format,
    body,
  }));
}

/** Bodies of another kind, that are hard on memory. */
function hard(): { readonly what: string; readonly format: Format; readonly body: Buffer }[] {
  const attributes = bodyOfAttributes((account) => list(VALUES, (i) => `"${i % 90}${account % 90}":${i}`));
  const escapes = bodyOfAttributes(() => `"a":["${'\\"'.repeat(1500)}"]`);
  return [
    { what: `${VALUES} attributes`, format: 'parquet', body: attributes },
    { what: 'attributes that become text, all escapes', format: 'json', body: escapes },
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
  return Number.isFinite(mb) ? `${mb.toFixed(0)} MB` : 'runs out';
}

function tableOf(bodies: readonly Borne[]): BenchTable {
  return {
    head: [`${PAGES_IN_TURN} pages`, 'of', 'body', ...TRIED_MB.map((memoryMb) => `peak with ${memoryMb} MB`)],
    align: `llr${'r'.repeat(TRIED_MB.length)}`,
    rows: bodies.map(({ what, format, bodyMb, peakMb }) => [
      format,
      what,
      `${bodyMb.toFixed(1)} MB`,
      ...TRIED_MB.map((memoryMb) => quotePeak(peakMb[memoryMb] ?? Infinity)),
    ]),
  };
}
