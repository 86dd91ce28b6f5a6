/** The memory of a Lambda container that exports the largest and hardest bodies, which decides its setting. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../functions/model/export-format.ts';
import { bodyOf } from './pages.ts';
import { bundleScript, inFolder, runScript } from './processes.ts';
import { grouped, other, own, type Section } from './section.ts';

/** Assumed memory outside the heap: 1,024 MB then leave 900 MB of heap, as in the tests of hostile bodies. */
const OUTSIDE_HEAP_MB = 124;
/** For bodies that were not measured: a page that runs out of memory fails its run. */
const SAFETY_FACTOR = 1.25;
/** Pages of one container, because garbage of one page counts in the peak of the next. */
const PAGES = 3;
const ACCOUNTS = 10_000;
/** Just below the limit of 32 MB. */
const LARGEST_MB = 31;
/** Values per account; 10,000 accounts then nearly reach the limit of values per body (`body-limits.ts`). */
const VALUES = 240;

interface MemoryRow {
  readonly format: ExportFormat;
  readonly what: string;
  readonly bodyMb: number;
  /** `null` when out of memory. */
  readonly peakMb: number | null;
}

export const section: Section<MemoryRow> = {
  question: 'How much memory does a page need on Lambda?',

  measure: (quick) =>
    inFolder(async (folder) => {
      const program = await bundleScript('page-process.ts', folder);
      let served: Buffer = Buffer.from('[]');
      const server = createServer((request, response) => {
        const type = request.url?.includes('.csv') ? 'text/csv' : 'application/json';
        const head = { 'content-type': `${type}; charset=utf-8`, 'content-length': served.length };
        response.writeHead(200, head).end(served);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const heap = [`--max-old-space-size=${MEMORY_MB.page - OUTSIDE_HEAP_MB}`];
      const rows: MemoryRow[] = [];
      try {
        for (const { format, what, accounts, pages = PAGES, body } of quick ? bodies().slice(0, 2) : bodies()) {
          served = body;
          const peakMb = (await runScript<number>(program, [url, format, accounts, pages], heap)) ?? null;
          rows.push({ format, what, bodyMb: body.length / 2 ** 20, peakMb });
        }
      } finally {
        server.close().closeAllConnections();
      }
      return rows;
    }),

  describe(rows) {
    const quotedMb = ({ peakMb }: MemoryRow) => (peakMb === null ? 'out of memory' : `${peakMb.toFixed(0)} MB`);
    const [loaded, ...pages] = rows;
    const [highest] = pages.toSorted((a, b) => (b.peakMb ?? Infinity) - (a.peakMb ?? Infinity));
    if (!loaded || !highest) throw new Error('Nothing was measured.');
    const nameOf = ({ format, bodyMb, what }: MemoryRow) => `${format}, ${bodyMb.toFixed(1)} MB: ${what}`;
    return {
      answer: `The largest measured body needs ${quotedMb(highest)} of the ${grouped(MEMORY_MB.page)} MB of *Export page*, which has ${quotedMb(loaded)} before its first page.`,
      about: `${PAGES} pages in a row in a new process: the bundled function with the real client, a local server, and a store that discards everything. The heap is limited to ${grouped(MEMORY_MB.page - OUTSIDE_HEAP_MB)} MB. V8 uses the heap it has, so a peak shows what suffices, not the minimum. The floor is a process that only loads the function. A page that runs out of memory fails its run, so the limit keeps a quarter for bodies that were not measured. [Decision 8](decisions/0008-defaults.md#memory) has the reasons for the setting.`,
      chart: [
        {
          title: `peak memory; a full bar is ${grouped(MEMORY_MB.page)} MB`,
          scale: MEMORY_MB.page,
          bars: [
            ...pages.map((row) => own(nameOf(row), row.peakMb ?? MEMORY_MB.page, quotedMb(row))),
            other('only loaded', loaded.peakMb ?? 0, quotedMb(loaded)),
          ],
        },
      ],
      limits: [['largest page and a quarter', (highest.peakMb ?? Infinity) * SAFETY_FACTOR, MEMORY_MB.page, 'MB']],
    };
  },
};

interface Body {
  readonly format: ExportFormat;
  readonly what: string;
  readonly accounts: number;
  readonly pages?: number;
  readonly body: Buffer;
}

/** No page, a page of the default size, large bodies, and bodies that need more memory than their size suggests. */
function bodies(): Body[] {
  const objects = (attributes: (account: number) => string) =>
    Buffer.from(`[${list(ACCOUNTS, (i) => `{"name":"${i}","attributes":{${attributes(i)}}}`)}]`);
  const many = objects((account) => list(VALUES, (i) => `"${i % 90}${account % 90}":${i}`));
  const escapes = objects(() => `"a":["${'\\"'.repeat(1500)}"]`);
  return [
    { format: 'json', what: 'only loaded', accounts: 1, pages: 0, body: Buffer.from('[]') },
    { format: 'json', what: 'ordinary', accounts: 1000, body: bodyOf('json', 1000) },
    ...EXPORT_FORMATS.map((format) => ({ format, what: 'ordinary, long', accounts: ACCOUNTS, body: largest(format) })),
    { format: 'parquet', what: `${VALUES} attributes`, accounts: ACCOUNTS, body: many },
    { format: 'json', what: 'nested attributes, all escapes', accounts: ACCOUNTS, body: escapes },
  ];
}

/** Accounts with as many extra attributes as fit. */
function largest(format: ExportFormat): Buffer {
  const size = (filler: number) => bodyOf(format, 100, { filler }).length / 100;
  const filler = (1000 * ((LARGEST_MB * 2 ** 20) / ACCOUNTS - size(0))) / (size(1000) - size(0));
  return bodyOf(format, ACCOUNTS, { filler: Math.floor(filler / 40) * 40 });
}

function list(count: number, one: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => one(i)).join(',');
}
