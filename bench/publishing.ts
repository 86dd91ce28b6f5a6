/** Publishing: the time and memory to verify and publish a run, by its number of pages. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { inFolder, runScript } from './processes.ts';
import { grouped, other, own, quoted, type Section, type Spread, spreadOf } from './section.ts';

export const PAGE_SIZE = 1000;
/** Duplicated accounts, which publishing must detect. */
export const DUPLICATES = 3;
/** Node's default heap limit is half of the Lambda function's memory. */
const HEAP_MB = MEMORY_MB.publish / 2;

/** What one process used. */
export interface Publishing {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** Of the API, to verify the run. */
  readonly requests: number;
  readonly records: number;
  readonly duplicates: number;
}

interface PublishingRow {
  readonly pages: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMb: Spread;
  readonly floorCpuSeconds: Spread;
  readonly floorPeakMb: Spread;
  readonly requests: number;
  readonly records: number;
}

export const section: Section<PublishingRow> = {
  question: 'What does publishing take?',

  async measure(quick) {
    const rows: PublishingRow[] = [];
    for (const pages of quick ? [10, 1000] : [10, 1000, 10_000, 30_000]) {
      rows.push(await inFolder((folder) => measure(folder, pages, quick ? 1 : 3)));
    }
    return rows;
  },

  describe(rows) {
    const largest = rows.at(-1);
    if (!largest) throw new Error('Nothing was measured.');
    const { cpuSeconds, peakMb, floorCpuSeconds, floorPeakMb } = largest;
    const pages = `${grouped(largest.pages)} pages`;
    const panel = (title: string, used: Spread, floor: Spread) => {
      const text = (spread: Spread) => quoted(spread, spread[0] < 100 ? 1 : 0);
      const bars = [own('publishing', used[0], text(used)), other('reading the receipts', floor[0], text(floor))];
      return { title, bars };
    };
    return {
      answer: `${pages} take ${cpuSeconds[0].toFixed(1)} s of CPU time and ${peakMb[0].toFixed(0)} MB; only reading their receipts takes ${floorCpuSeconds[0].toFixed(1)} s and ${floorPeakMb[0].toFixed(0)} MB. *Publish run* has ${grouped(MEMORY_MB.publish)} MB.`,
      about: `*Publish run* over a local folder with the plan, receipts (hashes of ${grouped(PAGE_SIZE)} accounts each) and parts of a run, in a new process with ${grouped(HEAP_MB)} MB of heap. The API is in memory and does not change. ${DUPLICATES} accounts of the run are duplicated, and they must be found. The floor reads and parses the same receipts and does nothing else. Neither includes S3.`,
      chart: [
        panel(`${pages}: CPU seconds`, cpuSeconds, floorCpuSeconds),
        panel(`${pages}: peak memory, MB`, peakMb, floorPeakMb),
      ],
      limits: [
        [`publishing ${pages}, CPU`, cpuSeconds[0], 3, 's'],
        [`publishing ${pages}, memory`, peakMb[0], 400, 'MB'],
      ],
    };
  },
};

async function measure(folder: string, pages: number, rounds: number): Promise<PublishingRow> {
  const runTask = async (task: string) => {
    const heap = task === 'publish' ? [`--max-old-space-size=${HEAP_MB}`] : [];
    const used = await runScript<Publishing>('publishing-run.ts', [task, folder, pages], heap);
    if (!used) throw new Error(`The task ${task} of ${pages} pages ran out of memory.`);
    return used;
  };
  await runTask('write');
  const [published, floors]: [Publishing[], Publishing[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    floors.push(await runTask('floor'));
    // A published run is not published again.
    await rm(join(folder, 'export_runs'), { recursive: true, force: true });
    published.push(await runTask('publish'));
  }
  const [first] = published;
  if (!first || published.some(({ duplicates }) => duplicates !== DUPLICATES))
    throw new Error('Duplicates were not found.');
  const { requests, records } = first;
  return {
    pages,
    seconds: spreadOf(published.map(({ seconds }) => seconds)),
    cpuSeconds: spreadOf(published.map(({ cpuSeconds }) => cpuSeconds)),
    peakMb: spreadOf(published.map((used) => used.peakMb)),
    floorCpuSeconds: spreadOf(floors.map(({ cpuSeconds }) => cpuSeconds)),
    floorPeakMb: spreadOf(floors.map((used) => used.peakMb)),
    requests,
    records,
  };
}
