/** Publishing: the time and memory to verify and publish a run, by its number of pages. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { bundleScript, inFolder, runScript } from './processes.ts';
import type { Publishing } from './publishing-run.ts';
import { grouped, other, own, quoted, type Section, type Spread, spreadOf } from './section.ts';

/** Node's default heap limit is half of the Lambda function's memory. */
const HEAP_MB = MEMORY_MB.publish / 2;

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
      rows.push(
        await inFolder(async (folder) => {
          const program = await bundleScript('publishing-run.ts', folder);
          return measure({ program, folder: join(folder, 'bucket'), pages }, quick ? 1 : 3);
        }),
      );
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
      about: `*Publish run* over a local folder with the plan, receipts (hashes of 1,000 accounts each) and parts of a run, bundled and with the garbage collector set as in the Lambda function, in a new process with ${grouped(HEAP_MB)} MB of heap. The API is in memory and does not change. Three accounts of the run are duplicated, and they must be found. The floor reads and parses the same receipts and does nothing else. Neither includes S3.`,
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

async function measure(
  { program, folder, pages }: { readonly program: string; readonly folder: string; readonly pages: number },
  rounds: number,
): Promise<PublishingRow> {
  const runTask = async (task: string) => {
    const heap = task === 'publish' ? [`--max-old-space-size=${HEAP_MB}`] : [];
    const used = await runScript<Publishing>(program, [task, folder, pages], heap);
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
  if (!first) throw new Error('Nothing was measured.');
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
