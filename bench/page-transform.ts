/** CPU time from the last byte of a page's body to its part and receipt. */
import { compress, GZIP_LEVEL } from '../functions/formats/compression.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../functions/model/export-format.ts';
import { FLOORS } from './floors.ts';
import { interleaved, ratioOf } from './measure.ts';
import { apiOf, benchRun, bodyOf, exportFirstPage, hardBodyOf, partTextOf } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const LARGE_PAGE = 10_000;
const PAGE_SIZES = [1000, LARGE_PAGE] as const;
/** Page ÷ floor. */
const LIMIT_FOR_JSON = 1.5;
/** Accounts per measurement, so that one takes tens of milliseconds. */
const ACCOUNTS_PER_MEASUREMENT = 10_000;

interface Measured {
  readonly format: ExportFormat;
  readonly hard: boolean;
  readonly accounts: number;
  readonly bodyBytes: number;
  readonly pageMs: Spread;
  readonly floorMs: Spread;
  readonly ratio: Spread;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const rounds = quick ? 1 : 15;
  const warmUp = quick ? 1 : 5;
  const measured: Measured[] = [];
  for (const accounts of PAGE_SIZES) {
    for (const format of EXPORT_FORMATS) {
      measured.push(await measure(format, accounts, bodyOf(format, accounts), { rounds, warmUp }));
    }
  }
  for (const accounts of PAGE_SIZES) {
    const hard = await measure('json', accounts, hardBodyOf(accounts), { rounds, warmUp });
    measured.push({ ...hard, hard: true });
  }
  const packing = await packingAlone({ rounds, warmUp });
  const [unpacked, unpackedHard] = [false, true].map((hard) => withoutPacking(measured, packing, hard));
  const worstOf = (isHard: boolean) =>
    measured
      .filter(({ format, hard }) => format === 'json' && hard === isHard)
      .sort((a, b) => b.ratio.median - a.ratio.median)[0];
  const [worst, hardest] = [worstOf(false), worstOf(true)];
  const limitMet = [worst, hardest].every((one) => one !== undefined && one.ratio.median <= LIMIT_FOR_JSON);
  return {
    title: 'Page transform',
    about: [
      'One page from the last byte of its body to its part and receipt, by the code of the Lambda *Export page*: UTF-8, limits,',
      'parsing, superseded accounts, compression, SHA-256, account hashes. The network is excluded. Time is CPU time of all',
      'threads, so rates are per core. The floor of JSON is `JSON.parse`, `JSON.stringify` and gzip of the same body; of CSV,',
      'decoding the text and gzip; of Parquet, `JSON.parse` and the same writer with the same columns and codec. Floors check',
      `nothing and lose digits. gzip uses level ${GZIP_LEVEL} in both. *Hard* accounts, the simulator’s default, have nested attributes,`,
      'integers of 16 and 19 digits and new fields.',
    ].join('\n'),
    tables: [
      {
        head: ['format', 'accounts/page', 'body', 'ms/page', 'accounts/s', 'MB/s', 'floor, ms', 'page ÷ floor'],
        align: 'lrrrrrrr',
        rows: measured.map(({ format, hard, accounts, bodyBytes, pageMs, floorMs, ratio }) => [
          hard ? `${format}, hard` : format,
          grouped(accounts),
          `${(bodyBytes / 1e6).toFixed(2)} MB`,
          quoteSpread(pageMs, 1),
          grouped((accounts / pageMs.median) * 1000),
          (bodyBytes / 1e3 / pageMs.median).toFixed(0),
          floorMs.median.toFixed(1),
          quoteSpread(ratio, 2),
        ]),
      },
    ],
    findings: [
      `The limit for JSON is ${LIMIT_FOR_JSON} × the floor: ${limitMet ? 'met' : '**exceeded**'}, with ${quoteWorst(worst)}, and ${quoteWorst(hardest)} with hard accounts.`,
      `gzip takes ${quoteSpread(packing.json, 1)} ms of a JSON page of ${grouped(LARGE_PAGE)} accounts, ${quoteSpread(packing.hard, 1)} ms with hard accounts, and the same of its floor. Without gzip in both, a page is ${unpacked?.toFixed(1)} × \`JSON.parse\` and \`JSON.stringify\`, ${unpackedHard?.toFixed(1)} × with hard accounts.`,
      `gzip takes ${quoteSpread(packing.csv, 1)} ms of a CSV page, because parts quote every value; the floor compresses the body unchanged.`,
    ],
    figures: {
      limitForJson: LIMIT_FOR_JSON,
      limitMet,
      gzipLevel: GZIP_LEVEL,
      gzipMsOf10000: packing,
      jsonWithoutGzip: unpacked,
      hardJsonWithoutGzip: unpackedHard,
      pages: measured,
    },
  };
};

function quoteWorst(one: Measured | undefined): string {
  return `${one?.ratio.median.toFixed(2)} at ${grouped(one?.accounts ?? 0)} accounts/page`;
}

async function measure(
  format: ExportFormat,
  accounts: number,
  body: Buffer,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Measured> {
  const [api, run] = [apiOf(body), benchRun(format, accounts)];
  const times = Math.ceil(ACCOUNTS_PER_MEASUREMENT / accounts);
  const { page, floor } = await interleaved(
    { page: () => exportFirstPage(api, run), floor: () => FLOORS[format](body) },
    { rounds, warmUp, times },
  );
  return {
    format,
    hard: false,
    accounts,
    bodyBytes: body.length,
    pageMs: spreadOf(page),
    floorMs: spreadOf(floor),
    ratio: ratioOf(page, floor),
  };
}

/** The time of gzip alone. */
async function packingAlone(rounds: { readonly rounds: number; readonly warmUp: number }) {
  const json = await partTextOf('json', bodyOf('json', LARGE_PAGE));
  const hard = await partTextOf('json', hardBodyOf(LARGE_PAGE));
  const csv = await partTextOf('csv', bodyOf('csv', LARGE_PAGE));
  const measured = await interleaved(
    { json: () => compress(json), hard: () => compress(hard), csv: () => compress(csv) },
    rounds,
  );
  return { json: spreadOf(measured.json), hard: spreadOf(measured.hard), csv: spreadOf(measured.csv) };
}

/** Page ÷ floor without gzip. */
function withoutPacking(
  measured: readonly Measured[],
  packing: { readonly json: Spread; readonly hard: Spread },
  isHard: boolean,
): number {
  const packMs = (isHard ? packing.hard : packing.json).median;
  const large = measured.find(
    ({ format, hard, accounts }) => format === 'json' && hard === isHard && accounts === LARGE_PAGE,
  );
  const [page, floor] = [large?.pageMs.median ?? 0, large?.floorMs.median ?? 0];
  return (page - packMs) / (floor - packMs);
}
