/** What memory a page needs, and which of Lambda's memory settings is the cheapest that has it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_LIMITS } from '../functions/personalization/accounts-api.ts';
import { bundle } from './bundle.ts';
import { LEAST_MB, type PageCpu, settingsFindings, settingsOf, settingsTable } from './memory-settings.ts';
import type { PageProcess } from './page-process.ts';
import { servePages } from './page-server.ts';
import { bodyOf, FORMATS, type Format } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const MIB = 2 ** 20;
/** The last but one is the largest that is taken, or nearly: the last is refused. */
const BODY_MB = [1, 10, 31, 50] as const;
const MOST_ACCOUNTS = 10_000;
/** What 1,024 MB leave to the heap, beside what lies outside of it. */
const HEAP_MB = 900;
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
}

export const benchmark: Benchmark = async ({ quick }) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bench-'));
  const server = await servePages();
  try {
    const program = join(folder, 'page-process.mjs');
    await bundle('bench/page-process.ts', program);
    const run = (format: Format, accounts: number, pages: number) =>
      runProcess(program, server.url, format, accounts, pages);
    const rounds = quick ? 1 : 3;

    const idleMb = spreadOf(await times(quick ? 2 : 5, async () => (await run('json', 1, 0)).peakMb));
    const peaks: Peak[] = [];
    for (const wantedMb of BODY_MB) {
      for (const format of FORMATS) {
        const { body, accounts } = bodyOfMb(format, wantedMb);
        server.serve(body);
        const results = await times(rounds, () => run(format, accounts, 1));
        peaks.push({
          format,
          bodyMb: body.length / MIB,
          accounts,
          peakMb: spreadOf(results.map(({ peakMb }) => peakMb)),
          refused: results[0]?.error ?? null,
        });
      }
    }
    const cpu: PageCpu[] = [];
    for (const format of FORMATS) {
      server.serve(bodyOf(format, PAGE_SIZE));
      const containers = await times(rounds, () => run(format, PAGE_SIZE, quick ? 10 : PAGES_OF_CONTAINER));
      cpu.push(pageCpuOf(format, containers));
    }
    const settings = settingsOf(cpu, PAGE_SIZE);
    const largest = peaks.filter(({ refused, bodyMb }) => refused === null && bodyMb > 25);
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
          rows: peaks.map(({ format, bodyMb, accounts, peakMb, refused }) => [
            `${format}${refused === null ? '' : ', refused'}`,
            `${bodyMb.toFixed(1)} MB`,
            grouped(accounts),
            quoteSpread(peakMb, 0),
            (peakMb.median - idleMb.median).toFixed(0),
          ]),
        },
        ...settingsTable(cpu, settings),
      ],
      findings: [
        `A body may hold ${DEFAULT_LIMITS.bodyLimitBytes / MIB} MB. One of 50 MB is refused while it is read: “${peaks.find(({ refused }) => refused !== null)?.refused ?? 'it was not'}”`,
        `Just below it, the formats peak at ${largest.map(({ format, peakMb }) => `${peakMb.median.toFixed(0)} MB (${format})`).join(', ')}, and hostile bodies within the limits at up to 800 MB, which tests hold (\`test/hostile/memory.test.ts\`). That takes ${LEAST_MB} MB.`,
        ...settingsFindings(cpu, settings),
      ],
      figures: { heapMb: HEAP_MB, idleMb, peaks, cpu, settings },
    };
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
};

async function runProcess(
  program: string,
  url: string,
  format: Format,
  accounts: number,
  pages: number,
): Promise<PageProcess> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    `--max-old-space-size=${HEAP_MB}`,
    program,
    url,
    format,
    String(accounts),
    String(pages),
  ]);
  return JSON.parse(stdout) as PageProcess;
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
