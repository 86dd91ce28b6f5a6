/** Publishing: what it takes to prove and publish a run, by the number of its pages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { estimateRun, MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { startSmallS3 } from '../test/support/small-s3.ts';
import { runScript } from './node-process.ts';
import type { PublishingFigures, ReadingFigures } from './publishing-run.ts';
import type { Benchmark, BenchSection, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const PAGE_SIZE = 1000;
/** A function of this memory has half of it for V8's heap, whatever V8 would allow itself on a larger machine. */
const HEAP_MB = MEMORY_MB.publish / 2;
const MB = 1024 * 1024;
const READS = 2_000;

/** What S3 is assumed to take, for a formula: nothing here measures S3. */
export const ASSUMED_S3 = { getMs: 20, listMs: 100, getsAtOnce: 50, keysInList: 1000 } as const;
/** Lambda lets no function run longer. */
const LAMBDA_SECONDS = 900;

interface Measured {
  readonly pages: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMb: Spread;
  readonly last: PublishingFigures;
  /** By the formula. */
  readonly s3Seconds: number;
}

/** What the reads of publishing would wait for S3: the records 50 at once, the lists of records and of parts one by one. */
export function s3WaitSeconds(pages: number, gets: number): number {
  const { getMs, listMs, getsAtOnce, keysInList } = ASSUMED_S3;
  const lists = 2 * Math.ceil(pages / keysInList) + 1;
  return (Math.ceil(gets / getsAtOnce) * getMs + lists * listMs) / 1000;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const sizes = quick ? [10, 100, 1_000, 5_000] : [10, 100, 1_000, 10_000, 30_000];
  const measured: Measured[] = [];
  for (const pages of sizes) measured.push(await measure(pages, quick ? 1 : pages > 1_000 ? 3 : 5));
  return describe(measured, await measureReading());
};

async function measure(pages: number, rounds: number): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-publishing-'));
  const args = [folder, `${pages}`, `${PAGE_SIZE}`];
  try {
    await runScript('publishing-run.ts', ['write', ...args]);
    const figures: PublishingFigures[] = [];
    for (let round = 0; round < rounds; round++) {
      // With a manifest there, publishing would only read it.
      await rm(join(folder, 'export_runs'), { recursive: true, force: true });
      const found = await runScript<PublishingFigures>(
        'publishing-run.ts',
        ['publish', ...args],
        [`--max-old-space-size=${HEAP_MB}`],
      );
      if (found) figures.push(found);
    }
    const last = figures.at(-1);
    if (!last) throw new Error(`Publishing ${pages} pages said nothing.`);
    const spread = (of: (one: PublishingFigures) => number) => spreadOf(figures.map(of));
    return {
      pages,
      seconds: spread(({ ms }) => ms / 1000),
      cpuSeconds: spread(({ cpuMs }) => cpuMs / 1000),
      peakMb: spread(({ peakRssBytes }) => peakRssBytes / MB),
      last,
      s3Seconds: s3WaitSeconds(pages, last.gets),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the AWS SDK itself takes to read page records, from an S3 of this process, so that only the client is counted. */
async function measureReading(): Promise<ReadingFigures> {
  const server = await startSmallS3(['bench']);
  try {
    // As long as the record of a page of a thousand accounts.
    server.put('bench', 'record.json', Buffer.alloc(11_000, 'a'));
    const found = await runScript<ReadingFigures>('publishing-run.ts', ['read', server.url, `${READS}`, '0']);
    if (!found) throw new Error('Reading said nothing.');
    return found;
  } finally {
    await server.close();
  }
}

function describe(measured: readonly Measured[], reading: ReadingFigures): BenchSection {
  const largest = measured.at(-1);
  const before = measured.at(-2);
  if (!largest || !before) throw new Error('Nothing was measured.');
  // By the processor's time, which neighbours on the machine touch least.
  const msAPage = ({ cpuSeconds, pages }: Measured) => (cpuSeconds.median * 1000) / pages;
  const { pages, last, peakMb, cpuSeconds } = largest;
  const sdkSeconds = (last.gets * reading.cpuMsAGet) / 1000;
  const onLambda = cpuSeconds.median + sdkSeconds + largest.s3Seconds;
  const model = estimateRun({
    accounts: last.accounts,
    pages,
    pageSize: PAGE_SIZE,
    format: 'json',
    concurrency: 20,
    planned: { apiRequests: 0, recordsFetched: 0, seconds: 0 },
    probeSeconds: 0,
  });
  const most = (of: (one: PublishingFigures) => number) => Math.max(...measured.map(({ last }) => of(last)));
  return {
    title: 'Publishing',
    about: `*Publish run* as it is deployed, over a folder, each time in a process of its own with ${HEAP_MB} MB of heap. The plan, the page records (hashes of ${grouped(PAGE_SIZE)} accounts each) and as many parts lie there as the pages would leave them; the API is one in memory that keeps still. Three accounts of the run come twice, and publishing must find them. S3 is not measured: its column is a formula, ⌈GETs ÷ ${ASSUMED_S3.getsAtOnce}⌉ × ${ASSUMED_S3.getMs} ms for the reads and ${ASSUMED_S3.listMs} ms for each list of ${grouped(ASSUMED_S3.keysInList)} keys.`,
    tables: [
      {
        head: [
          'pages',
          'accounts',
          'seconds',
          'CPU seconds',
          'CPU ms a page',
          'peak memory, MB',
          'manifest, MB',
          'requests',
          'records',
          'waits for S3, by formula, s',
        ],
        align: 'rrrrrrrrrr',
        rows: measured.map((one) => [
          grouped(one.pages),
          grouped(one.last.accounts),
          quoteSpread(one.seconds, 2),
          quoteSpread(one.cpuSeconds, 2),
          msAPage(one).toFixed(2),
          quoteSpread(one.peakMb, 0),
          (one.last.manifestBytes / MB).toFixed(2),
          `${one.last.apiRequests}`,
          `${one.last.recordsFetched}`,
          one.s3Seconds.toFixed(1),
        ]),
      },
    ],
    findings: [
      `The largest run took ${peakMb.median.toFixed(0)} MB at its peak, of the ${MEMORY_MB.publish} MB that the function has.`,
      `A page takes ${msAPage(before).toFixed(2)} ms of the processor at ${grouped(before.pages)} pages and ${msAPage(largest).toFixed(2)} ms at ${grouped(pages)}.`,
      `On Lambda, ${grouped(pages)} pages would take some ${onLambda.toFixed(0)} s: ${cpuSeconds.median.toFixed(1)} s of processor as here, ${sdkSeconds.toFixed(1)} s of the SDK's own work (${reading.cpuMsAGet.toFixed(2)} ms of processor a GET, measured against an S3 on this machine), ${largest.s3Seconds.toFixed(1)} s of waiting by the formula. The limit is ${LAMBDA_SECONDS} s.`,
      `Proving took at most ${most((one) => one.apiRequests)} requests and ${most((one) => one.recordsFetched)} records; the cost model assumes ${model.apiRequests - pages} and ${model.recordsFetched - last.accounts}.`,
      `${last.accounts - last.distinctAccounts} of ${grouped(last.accounts)} accounts were found to come twice, as they did.`,
    ],
    figures: {
      pageSize: PAGE_SIZE,
      heapMb: HEAP_MB,
      functionMemoryMb: MEMORY_MB.publish,
      assumedS3: ASSUMED_S3,
      sdkCpuMsAGet: reading.cpuMsAGet,
      onLambdaSeconds: onLambda,
      runs: measured.map(({ last, ...spreads }) => ({ ...spreads, ...last })),
    },
  };
}
