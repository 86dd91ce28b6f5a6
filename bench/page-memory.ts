/** What memory a page needs, and which of Lambda's memory settings is the cheapest that has it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_LIMITS } from '../functions/personalization/accounts-api.ts';
import { bundle } from './bundle.ts';
import { heapOf, leastMemory, PAGES_IN_TURN } from './least-memory.ts';
import { type PageCpu, settingsFindings, settingsOf, settingsTable } from './memory-settings.ts';
import type { PageProcess } from './page-process.ts';
import { servePages } from './page-server.ts';
import { bodyOf, FORMATS, type Format } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const MIB = 2 ** 20;
/** The largest that is taken, or nearly: what is larger is refused. */
const LARGEST_MB = 31;
const REFUSED_MB = 50;
const BODY_MB = [1, 10, LARGEST_MB, REFUSED_MB] as const;
const LIMIT_MB = DEFAULT_LIMITS.bodyLimitBytes / MIB;
/** For a look at what is refused, and why it is. */
const LIFTED = { bodyMb: 2 * REFUSED_MB, heapMb: 4096 };
const MOST_ACCOUNTS = 10_000;
/** What peaks are measured with. */
const HEAP_MB = heapOf(1024);
/** Of the default size, which a container exports one after the other: as many as fall to each of 20 for a million accounts. */
const PAGES_OF_CONTAINER = 50;
const PAGE_SIZE = 1000;

/** Bytes of attributes for an account, to see what they come to. */
const FILLER = 1000;

interface Peak {
  readonly format: Format;
  readonly bodyMb: number;
  readonly accounts: number;
  readonly peakMb: Spread;
  readonly refused: string | null;
  /** With a limit and a heap that no function has. */
  readonly lifted: boolean;
}

/** What a process of its own does. */
interface Work {
  readonly format: Format;
  readonly accounts: number;
  readonly pages: number;
  readonly heapMb?: number;
  /** The most that a body may have. */
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
      for (const format of FORMATS) {
        const { body, accounts } = bodyOfMb(format, wantedMb);
        server.serve(body);
        for (const lifted of wantedMb > LIMIT_MB ? [false, true] : [false]) {
          const work = { format, accounts, pages: 1, ...(lifted ? LIFTED : {}) };
          const results = await times(rounds, () => run(work));
          peaks.push({
            format,
            bodyMb: body.length / MIB,
            accounts,
            peakMb: spreadOf(results.map(({ peakMb }) => peakMb)),
            refused: results[0]?.error ?? null,
            lifted,
          });
        }
      }
    }
    const cpu: PageCpu[] = [];
    for (const format of FORMATS) {
      server.serve(bodyOf(format, PAGE_SIZE));
      const containers = await times(rounds, () =>
        run({ format, accounts: PAGE_SIZE, pages: quick ? 10 : PAGES_OF_CONTAINER }),
      );
      cpu.push(pageCpuOf(format, containers));
    }
    const least = await leastMemory(
      {
        json: bodyOfMb('json', LARGEST_MB).body,
        csv: bodyOfMb('csv', LARGEST_MB).body,
        parquet: bodyOfMb('parquet', LARGEST_MB).body,
      },
      async (format, body, heapMb) => {
        server.serve(body);
        const work = { format, accounts: MOST_ACCOUNTS, pages: PAGES_IN_TURN, heapMb };
        return (await run(work).catch(outOfMemory))?.peakMb ?? null;
      },
    );
    const settings = settingsOf(cpu, PAGE_SIZE, least.leastMb);
    return {
      title: 'Memory of a page',
      about: [
        'One page of *Export page* in a process of its own, from the request to its record: the bundled function with the real',
        `client, over a server on the same machine and a store that keeps nothing. The heap may grow to ${HEAP_MB} MB, as in the tests of`,
        'hostile bodies: V8 takes what it may, so a peak is what is enough, not the least there could be. MB are those of Lambda,',
        `of 2^20 bytes. A process that only loads the function has ${quoteSpread(idleMb, 0)} MB.`,
      ].join('\n'),
      tables: [
        {
          head: ['format', 'body', 'accounts', 'peak, MB', 'over loading, MB'],
          align: 'lrrrr',
          rows: peaks.map(({ format, bodyMb, accounts, peakMb, refused, lifted }) => [
            `${format}${refused === null ? '' : ', refused'}${lifted ? ', without the limit' : ''}`,
            `${bodyMb.toFixed(1)} MB`,
            grouped(accounts),
            quoteSpread(peakMb, 0),
            (peakMb.median - idleMb.median).toFixed(0),
          ]),
        },
        least.table,
        ...settingsTable(cpu, settings),
      ],
      findings: [
        `A body may hold ${LIMIT_MB} MB. One of ${REFUSED_MB} MB is refused while it is read: “${peaks.find(({ refused }) => refused !== null)?.refused ?? 'it was not'}” Without the limit, and with ${LIFTED.heapMb} MB of heap, it peaks at ${peaks
          .filter(({ lifted }) => lifted)
          .map(({ format, peakMb }) => `${peakMb.median.toFixed(0)} MB (${format})`)
          .join(', ')}.`,
        least.finding,
        ...settingsFindings(cpu, settings),
      ],
      figures: { heapMb: HEAP_MB, idleMb, peaks, leastMb: least.leastMb, borne: least.bodies, cpu, settings },
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

/** What V8 does when its heap is at an end, as nothing found; @throws anything else */
function outOfMemory(error: { readonly signal?: string }): undefined {
  if (error.signal !== 'SIGABRT') throw error;
}

async function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < count; i++) results.push(await work());
  return results;
}

/** Accounts of the simulator, with more attributes each where the most that a page may have would not fill it. */
function bodyOfMb(format: Format, mb: number): { readonly body: Buffer; readonly accounts: number } {
  const wanted = mb * MIB;
  const plain = bodyOf(format, MOST_ACCOUNTS).length / MOST_ACCOUNTS;
  const accounts = Math.min(MOST_ACCOUNTS, Math.floor(wanted / plain));
  if (accounts < MOST_ACCOUNTS) return { body: bodyOf(format, accounts), accounts };
  const larger = bodyOf(format, MOST_ACCOUNTS, FILLER).length / MOST_ACCOUNTS;
  const filler = (FILLER * (wanted / accounts - plain)) / (larger - plain);
  return { body: bodyOf(format, accounts, filler), accounts };
}

function pageCpuOf(format: Format, containers: readonly PageProcess[]): PageCpu {
  const later = containers.flatMap(({ cpuMs }) => cpuMs.slice(cpuMs.length / 2));
  return {
    format,
    firstMs: spreadOf(containers.map(({ cpuMs }) => cpuMs[0] ?? Number.NaN)),
    laterMs: spreadOf(later),
    meanMs: spreadOf(containers.map(({ cpuMs }) => cpuMs.reduce((sum, ms) => sum + ms, 0) / cpuMs.length)),
  };
}
