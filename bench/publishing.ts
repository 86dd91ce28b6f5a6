/** Publishing: the time and memory to verify and publish a run, by its number of pages. */
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
/** Node's default heap limit is half of the Lambda function's memory. */
const HEAP_MB = MEMORY_MB.publish / 2;
const MB = 1024 * 1024;
const READS = 2_000;

/** Assumed times of S3, which is not measured. */
export const ASSUMED_S3 = { getMs: 20, listMs: 100, getsAtOnce: 50, keysInList: 1000 } as const;
/** Lambda's maximum timeout. */
const LAMBDA_SECONDS = 900;

interface Measured {
  readonly pages: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakMb: Spread;
  readonly last: PublishingFigures;
  readonly s3Seconds: number;
}

/** The time that publishing waits for S3: receipts are read 50 at a time, keys listed one request after another. */
export function s3WaitSeconds(pages: number, gets: number): number {
  const { getMs, listMs, getsAtOnce, keysInList } = ASSUMED_S3;
  const lists = 2 * Math.ceil(pages / keysInList) + 1;
  return (Math.ceil(gets / getsAtOnce) * getMs + lists * listMs) / 1000;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const sizes = quick ? [10, 100, 1_000] : [10, 100, 1_000, 10_000, 30_000];
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
      // Removes the manifest: a published run is not published again.
      await rm(join(folder, 'export_runs'), { recursive: true, force: true });
      const found = await runScript<PublishingFigures>(
        'publishing-run.ts',
        ['publish', ...args],
        [`--max-old-space-size=${HEAP_MB}`],
      );
      if (found) figures.push(found);
    }
    const last = figures.at(-1);
    if (!last) throw new Error(`Publishing ${pages} pages printed no figures.`);
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

/** CPU time of the AWS SDK per GET, measured against a local S3 server in another process. */
async function measureReading(): Promise<ReadingFigures> {
  const server = await startSmallS3(['bench']);
  try {
    // The size of a receipt of a page of 1,000 accounts.
    server.put('bench', 'receipt.json', Buffer.alloc(11_000, 'a'));
    const found = await runScript<ReadingFigures>('publishing-run.ts', ['read', server.url, `${READS}`, '0']);
    if (!found) throw new Error('Reading printed no figures.');
    return found;
  } finally {
    await server.close();
  }
}

function describe(measured: readonly Measured[], reading: ReadingFigures): BenchSection {
  const largest = measured.at(-1);
  const before = measured.at(-2);
  if (!largest || !before) throw new Error('Nothing was measured.');
  const msPerPage = ({ cpuSeconds, pages }: Measured) => (cpuSeconds.median * 1000) / pages;
  const { pages, last, peakMb, cpuSeconds } = largest;
  const sdkSeconds = (last.gets * reading.cpuMsPerGet) / 1000;
  const onLambda = cpuSeconds.median + sdkSeconds + largest.s3Seconds;
  const model = estimateRun({
    accounts: last.accounts,
    pages,
    pageSize: PAGE_SIZE,
    countedBy: 'offsets',
    format: 'json',
    concurrency: 20,
    planned: { apiRequests: 0, recordsFetched: 0, seconds: 0 },
    probeSeconds: 0,
  });
  const maximum = (of: (one: PublishingFigures) => number) => Math.max(...measured.map(({ last }) => of(last)));
  return {
    title: 'Publishing',
    about: `The code of *Publish run* over a local folder that holds the plan, receipts (hashes of ${grouped(PAGE_SIZE)} accounts each) and parts of a run, each time in a new process with ${HEAP_MB} MB of heap. The API is in memory and does not change. Three accounts of the run are duplicated, which publishing must detect. S3 is not measured; its column is estimated as ⌈GETs ÷ ${ASSUMED_S3.getsAtOnce}⌉ × ${ASSUMED_S3.getMs} ms plus ${ASSUMED_S3.listMs} ms for each list of ${grouped(ASSUMED_S3.keysInList)} keys.`,
    tables: [
      {
        head: [
          'pages',
          'accounts',
          'seconds',
          'CPU seconds',
          'CPU ms/page',
          'peak memory, MB',
          'manifest, MB',
          'requests',
          'records',
          'S3 (estimate), s',
        ],
        align: 'rrrrrrrrrr',
        rows: measured.map((one) => [
          grouped(one.pages),
          grouped(one.last.accounts),
          quoteSpread(one.seconds, 2),
          quoteSpread(one.cpuSeconds, 2),
          msPerPage(one).toFixed(2),
          quoteSpread(one.peakMb, 0),
          (one.last.manifestBytes / MB).toFixed(2),
          `${one.last.apiRequests}`,
          `${one.last.recordsFetched}`,
          one.s3Seconds.toFixed(1),
        ]),
      },
    ],
    findings: [
      `The peak of the largest run was ${peakMb.median.toFixed(0)} MB; the function has ${MEMORY_MB.publish} MB.`,
      `A page takes ${msPerPage(before).toFixed(2)} ms of CPU at ${grouped(before.pages)} pages and ${msPerPage(largest).toFixed(2)} ms at ${grouped(pages)}.`,
      `On Lambda, ${grouped(pages)} pages would take about ${onLambda.toFixed(0)} s: ${cpuSeconds.median.toFixed(1)} s of CPU as measured here, ${sdkSeconds.toFixed(1)} s of CPU for the SDK (${reading.cpuMsPerGet.toFixed(2)} ms per GET, measured against a local S3 server), and ${largest.s3Seconds.toFixed(1)} s of waiting for S3 (estimate). The limit is ${LAMBDA_SECONDS} s.`,
      `Verification used at most ${maximum((one) => one.apiRequests)} requests and ${maximum((one) => one.recordsFetched)} records; the cost model assumes ${model.apiRequests - pages} and ${model.recordsFetched - last.accounts}.`,
      `${last.accounts - last.distinctAccounts} duplicates were found in ${grouped(last.accounts)} accounts, as many as there are.`,
    ],
    figures: {
      pageSize: PAGE_SIZE,
      heapMb: HEAP_MB,
      functionMemoryMb: MEMORY_MB.publish,
      assumedS3: ASSUMED_S3,
      sdkCpuMsPerGet: reading.cpuMsPerGet,
      onLambdaSeconds: onLambda,
      runs: measured.map(({ last, ...spreads }) => ({ ...spreads, ...last })),
    },
  };
}
