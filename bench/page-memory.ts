/** The memory that a page needs, and the cheapest Lambda memory setting that has it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EXPORT_FORMATS, type ExportFormat } from '../functions/model/export-format.ts';
import { DEFAULT_LIMITS } from '../functions/personalization/accounts-api.ts';
import { bundle } from './bundle.ts';
import { type PageCpu, settingsFindings, settingsOf, settingsTable } from './memory-settings.ts';
import { heapOf, measureBodies, minimumMemory, PAGES_IN_TURN } from './minimum-memory.ts';
import type { PageProcess } from './page-process.ts';
import { servePages } from './page-server.ts';
import { bodyOf } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const MIB = 2 ** 20;
/** Just below the body limit. */
const LARGEST_MB = 31;
const REFUSED_MB = 50;
const BODY_MB = [1, 10, LARGEST_MB, REFUSED_MB] as const;
const LIMIT_MB = DEFAULT_LIMITS.bodyLimitBytes / MIB;
/** Shows why larger bodies are refused. */
const NO_LIMIT = { bodyMb: 2 * REFUSED_MB, heapMb: 4096 };
const MAX_ACCOUNTS = 10_000;
const HEAP_MB = heapOf(1024);
/** Pages per container in a run of a million accounts, with 20 containers. */
const PAGES_OF_CONTAINER = 50;
const PAGE_SIZE = 1000;
/** Bytes of extra attributes, to measure what an attribute byte adds to a body. */
const FILLER = 1000;

interface Peak {
  readonly format: ExportFormat;
  readonly bodyMb: number;
  readonly accounts: number;
  readonly peakMb: Spread;
  readonly refused: string | null;
  /** Without the body limit, and with a larger heap. */
  readonly unlimited: boolean;
}

/** The work of one process. */
interface Work {
  readonly format: ExportFormat;
  readonly accounts: number;
  readonly pages: number;
  readonly heapMb?: number;
  readonly bodyMb?: number;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bench-'));
  const server = await servePages();
  try {
    const program = join(folder, 'page-process.mjs');
    await bundle('bench/page-process.ts', program);
    const run = (work: Work) => runProcess(program, server.url, work);
    const rounds = quick ? 1 : 3;

    const idleMb = spreadOf(
      await times(quick ? 2 : 5, async () => (await run({ format: 'json', accounts: 1, pages: 0 })).peakMb),
    );
    const peaks: Peak[] = [];
    for (const wantedMb of BODY_MB) {
      for (const format of EXPORT_FORMATS) {
        const { body, accounts } = bodyOfMb(format, wantedMb);
        server.serve(body);
        for (const unlimited of wantedMb > LIMIT_MB ? [false, true] : [false]) {
          const work = { format, accounts, pages: 1, ...(unlimited ? NO_LIMIT : {}) };
          const results = await times(rounds, () => run(work));
          peaks.push({
            format,
            bodyMb: body.length / MIB,
            accounts,
            peakMb: spreadOf(results.map(({ peakMb }) => peakMb)),
            refused: results[0]?.error ?? null,
            unlimited,
          });
        }
      }
    }
    const cpu: PageCpu[] = [];
    for (const format of EXPORT_FORMATS) {
      server.serve(bodyOf(format, PAGE_SIZE));
      const containers = await times(rounds, () =>
        run({ format, accounts: PAGE_SIZE, pages: quick ? 10 : PAGES_OF_CONTAINER }),
      );
      cpu.push(pageCpuOf(format, containers));
    }
    const [json, csv, parquet] = [
      bodyOfMb('json', LARGEST_MB),
      bodyOfMb('csv', LARGEST_MB),
      bodyOfMb('parquet', LARGEST_MB),
    ];
    const largest = { json: json.body, csv: csv.body, parquet: parquet.body };
    const minimum = minimumMemory(
      await measureBodies(largest, async (format, body, heapMb) => {
        server.serve(body);
        const work = { format, accounts: MAX_ACCOUNTS, pages: PAGES_IN_TURN, heapMb };
        return (await run(work).catch(outOfMemory))?.peakMb ?? null;
      }),
    );
    const settings = settingsOf(cpu, PAGE_SIZE, minimum.minimumMb);
    return {
      title: 'Memory of a page',
      about: [
        'One page of *Export page* in a new process, from the request to its receipt: the bundled function with the real client, a',
        `local server, and a store that discards everything. The heap limit is ${HEAP_MB} MB, as in the tests of hostile bodies; V8 uses`,
        'the heap it has, so a peak shows what suffices, not the minimum. MB are those of Lambda, 2^20 bytes. A process that only',
        `loads the function has ${quoteSpread(idleMb, 0)} MB.`,
      ].join('\n'),
      tables: [
        {
          head: ['format', 'body', 'accounts', 'peak, MB', 'above loading, MB'],
          align: 'lrrrr',
          rows: peaks.map(({ format, bodyMb, accounts, peakMb, refused, unlimited }) => [
            `${format}${refused === null ? '' : ', refused'}${unlimited ? ', without the limit' : ''}`,
            `${bodyMb.toFixed(1)} MB`,
            grouped(accounts),
            quoteSpread(peakMb, 0),
            (peakMb.median - idleMb.median).toFixed(0),
          ]),
        },
        minimum.table,
        ...settingsTable(cpu, settings),
      ],
      findings: [
        `The limit of a body is ${LIMIT_MB} MB. A body of ${REFUSED_MB} MB is refused while it is read: “${peaks.find(({ refused }) => refused !== null)?.refused ?? 'it was not'}” Without the limit and with ${NO_LIMIT.heapMb} MB of heap, its peak is ${peaks
          .filter(({ unlimited }) => unlimited)
          .map(({ format, peakMb }) => `${peakMb.median.toFixed(0)} MB (${format})`)
          .join(', ')}.`,
        minimum.finding,
        ...settingsFindings(cpu, settings),
      ],
      figures: { heapMb: HEAP_MB, idleMb, peaks, minimumMb: minimum.minimumMb, bodies: minimum.bodies, cpu, settings },
    };
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
};

async function runProcess(
  program: string,
  url: string,
  { format, accounts, pages, heapMb = HEAP_MB, bodyMb = LIMIT_MB }: Work,
): Promise<PageProcess> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    `--max-old-space-size=${heapMb}`,
    program,
    url,
    format,
    String(accounts),
    String(pages),
    String(bodyMb),
  ]);
  return JSON.parse(stdout) as PageProcess;
}

/** V8 aborts when the heap limit is reached. @throws any other error */
function outOfMemory(error: { readonly signal?: string }): undefined {
  if (error.signal !== 'SIGABRT') throw error;
}

async function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await work());
  return results;
}

/** Accounts of the simulator, with extra attributes when `MAX_ACCOUNTS` ordinary ones are too small. */
function bodyOfMb(format: ExportFormat, mb: number): { readonly body: Buffer; readonly accounts: number } {
  const wanted = mb * MIB;
  const plain = bodyOf(format, MAX_ACCOUNTS).length / MAX_ACCOUNTS;
  const accounts = Math.min(MAX_ACCOUNTS, Math.floor(wanted / plain));
  if (accounts < MAX_ACCOUNTS) return { body: bodyOf(format, accounts), accounts };
  const larger = bodyOf(format, MAX_ACCOUNTS, FILLER).length / MAX_ACCOUNTS;
  const filler = (FILLER * (wanted / accounts - plain)) / (larger - plain);
  return { body: bodyOf(format, accounts, filler), accounts };
}

function pageCpuOf(format: ExportFormat, containers: readonly PageProcess[]): PageCpu {
  const later = containers.flatMap(({ cpuMs }) => cpuMs.slice(cpuMs.length / 2));
  return {
    format,
    firstMs: spreadOf(containers.map(({ cpuMs }) => cpuMs[0] ?? Number.NaN)),
    laterMs: spreadOf(later),
    meanMs: spreadOf(containers.map(({ cpuMs }) => cpuMs.reduce((sum, ms) => sum + ms, 0) / cpuMs.length)),
  };
}
