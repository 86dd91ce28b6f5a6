/** CPU time from the last byte of a page's body to its part and receipt. */
import { MEMORY_MB, TRANSFORM_SECONDS_PER_ACCOUNT } from '../functions/export/plan/estimate.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../functions/model/export-format.ts';
import { inTurn, ratioOf } from './measure.ts';
import { startWorker } from './processes.ts';
import { grouped, listed, other, own, quoted, type Section, type Spread, spreadOf } from './section.ts';

/** Accounts per measurement: enough that each includes garbage collection. */
const ACCOUNTS_PER_MEASUREMENT = 40_000;
/** A function gets one full vCPU at this memory: Lambda developer guide, "Configure memory". */
const MB_PER_CPU = 1769;
const LARGE = 10_000;
/** Page ÷ floor. */
const LIMITS: Readonly<Record<ExportFormat, number>> = { json: 1.15, csv: 1.5, parquet: 1.15 };

interface PageRow {
  readonly format: ExportFormat;
  readonly hard: boolean;
  readonly accounts: number;
  readonly bodyMb: number;
  readonly pageMs: Spread;
  readonly floorMs: Spread;
  readonly ratio: Spread;
}

const nameOf = ({ format, hard }: PageRow) => `${format}${hard ? ', hard' : ''}`;

export const section: Section<PageRow> = {
  question: 'How much CPU time does a page take?',

  async measure(quick) {
    const cases = [
      ...[1000, LARGE].flatMap((accounts) => EXPORT_FORMATS.map((format) => ({ format, accounts, hard: false }))),
      ...EXPORT_FORMATS.map((format) => ({ format, accounts: LARGE, hard: true })),
    ];
    const rows: PageRow[] = [];
    for (const { format, accounts, hard } of cases) {
      const workerOf = (subject: string) =>
        startWorker<number>('page-worker.ts', [subject, format, hard ? 'hard' : 'ordinary', accounts]);
      const [page, floor] = [await workerOf('page'), await workerOf('floor')];
      const pages = quick ? 1 : ACCOUNTS_PER_MEASUREMENT / accounts;
      const cpu = await inTurn(
        { page: () => page.ask(pages), floor: () => floor.ask(pages) },
        { rounds: quick ? 1 : 15, warmUp: quick ? 1 : 5 },
      );
      await Promise.all([page.close(), floor.close()]);
      const [pageMs, floorMs, ratio] = [spreadOf(cpu.page), spreadOf(cpu.floor), ratioOf(cpu.page, cpu.floor)];
      rows.push({ format, hard, accounts, bodyMb: Number(page.greeting) / 1e6, pageMs, floorMs, ratio });
    }
    return rows;
  },

  describe(rows) {
    const ratios = (format: ExportFormat) => rows.filter((row) => row.format === format).map(({ ratio }) => ratio[0]);
    const range = (format: ExportFormat) =>
      `${Math.min(...ratios(format)).toFixed(2)} to ${Math.max(...ratios(format)).toFixed(2)} × (${format})`;
    const times = rows
      .filter(({ accounts, hard }) => accounts === LARGE && !hard)
      .map(({ format, pageMs }) => `${pageMs[0].toFixed(0)} ms (${format})`);
    const share = MEMORY_MB.page / MB_PER_CPU;
    return {
      answer: `Compared with a floor that parses, writes and compresses the same page without any check: ${listed(EXPORT_FORMATS.map(range))}. ${grouped(LARGE)} accounts take ${listed(times)} of CPU time.`,
      about: `One page from the last byte of its body to its part and receipt, with the code of *Export page* and without the network: UTF-8, limits, parsing, duplicates, compression, SHA-256, account hashes. The floor of JSON is \`JSON.parse\`, \`JSON.stringify\` and gzip; of CSV, decoding the text and gzip; of Parquet, \`JSON.parse\` and the same writer with the same columns and codec. Floors check nothing and lose digits. *Hard* accounts, the simulator’s default, have nested attributes, integers of 16 and 19 digits and new fields. Page and floor have a process each, which exports pages in a row, as a container of the function does, so that the garbage of each counts. They are measured in turn, CPU time of all threads; the ratio is the median of the ratios of each turn. *Export page* has ${share.toFixed(2)} of a vCPU, so that an account takes ${(1 / share).toFixed(1)} times as long; [the estimate](cost.md#how-the-estimate-works) assumes ${TRANSFORM_SECONDS_PER_ACCOUNT * 1e6} µs.`,
      chart: rows
        .filter(({ accounts }) => accounts === LARGE)
        .map((row, _, shown) => ({
          title: `${nameOf(row)}: CPU ms for ${grouped(row.accounts)} accounts`,
          scale: Math.max(...shown.map(({ pageMs }) => pageMs[0])),
          bars: [
            own('page', row.pageMs[0], `${quoted(row.pageMs, 0)} ms, ${quoted(row.ratio, 2)} ×`),
            other('floor', row.floorMs[0], `${quoted(row.floorMs, 0)} ms`),
          ],
        })),
      limits: EXPORT_FORMATS.map((format) => [
        `page ÷ floor, ${format}`,
        Math.max(...ratios(format)),
        LIMITS[format],
        '×',
      ]),
    };
  },
};
