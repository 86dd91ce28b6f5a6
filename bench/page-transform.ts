/** What a page takes between the last byte of its body and the first byte of its part. */
import { GZIP_LEVEL, gzip } from '../functions/formats/gzip.ts';
import { FLOORS } from './floors.ts';
import { interleaved, ratioOf } from './measure.ts';
import { apiOf, bodyOf, exportFirstPage, FORMATS, type Format, hardBodyOf, partTextOf, runOf } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

/** The largest that may be asked for. */
const LARGE_PAGE = 10_000;
/** Beside the default. */
const PAGE_SIZES = [1000, LARGE_PAGE] as const;
/** Of the page, over the floor. */
const MOST_FOR_JSON = 1.5;
/** Each measurement runs so many accounts: tens of milliseconds. */
const ACCOUNTS_AT_ONCE = 10_000;

const TITLE = 'Page transform';

interface Measured {
  readonly format: Format;
  /** Whether the accounts hold what breaks exporters. */
  readonly hard: boolean;
  readonly accounts: number;
  readonly bodyBytes: number;
  readonly pageMs: Spread;
  readonly floorMs: Spread;
  readonly ratio: Spread;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const rounds = quick ? 3 : 15;
  const warmUp = quick ? 1 : 5;
  const measured: Measured[] = [];
  for (const accounts of PAGE_SIZES) {
    for (const format of FORMATS) {
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
  const kept = [worst, hardest].every((one) => one !== undefined && one.ratio.median <= MOST_FOR_JSON);
  return {
    title: TITLE,
    about: [
      'A page from the last byte of its body to the last byte of its part, by the code that the Lambda *Export page* runs:',
      'UTF-8, limits, parse, split, look for superseded accounts, pack, SHA-256, the hashes of all accounts, the record.',
      'The network is left out at both ends. Time is the processor’s, of all threads together, so a rate is that of one core.',
      `The floor of JSON is \`JSON.parse\`, \`JSON.stringify\` and gzip of the same body; of CSV, decoding the text and gzip; of`,
      'Parquet, `JSON.parse` and the same writer with the same columns and codec. Floors check nothing and lose digits.',
      `gzip is at level ${GZIP_LEVEL} on both sides. *Hard* accounts are those that the simulator serves when nothing else is said, with`,
      'nested attributes, integers of 16 and 19 digits and fields that are new; the others have none of these.',
    ].join('\n'),
    tables: [
      {
        head: ['format', 'accounts a page', 'body', 'ms a page', 'accounts/s', 'MB/s', 'floor, ms', 'page ÷ floor'],
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
      `The limit for JSON is ${MOST_FOR_JSON} × the floor: ${kept ? 'kept' : '**passed**'}, with ${quoteWorst(worst)}, and ${quoteWorst(hardest)} where they are hard.`,
      `Of a JSON page of ${grouped(LARGE_PAGE)} accounts gzip takes ${quoteSpread(packing.json, 1)} ms, and as much of its floor; ${quoteSpread(packing.hard, 1)} ms where they are hard. Without it on both sides, a page is ${unpacked?.toFixed(1)} × \`JSON.parse\` and \`JSON.stringify\`, and ${unpackedHard?.toFixed(1)} × where accounts are hard: the lower the level, the nearer to that.`,
      `Of a CSV page it takes ${quoteSpread(packing.csv, 1)} ms: parts quote every value, and their floor packs the body as it came.`,
    ],
    figures: {
      mostForJson: MOST_FOR_JSON,
      limitKept: kept,
      gzipLevel: GZIP_LEVEL,
      gzipMsOf10000: packing,
      jsonWithoutGzip: unpacked,
      hardJsonWithoutGzip: unpackedHard,
      pages: measured,
    },
  };
};

function quoteWorst(one: Measured | undefined): string {
  return `${one?.ratio.median.toFixed(2)} at ${grouped(one?.accounts ?? 0)} accounts a page`;
}

async function measure(
  format: Format,
  accounts: number,
  body: Buffer,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Measured> {
  const [api, run] = [apiOf(body), runOf(format, accounts)];
  const times = Math.ceil(ACCOUNTS_AT_ONCE / accounts);
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

/** gzip alone of 10,000 accounts, in each text format. */
async function packingAlone(rounds: { readonly rounds: number; readonly warmUp: number }) {
  const json = await partTextOf('json', bodyOf('json', LARGE_PAGE));
  const hard = await partTextOf('json', hardBodyOf(LARGE_PAGE));
  const csv = await partTextOf('csv', bodyOf('csv', LARGE_PAGE));
  const measured = await interleaved({ json: () => gzip(json), hard: () => gzip(hard), csv: () => gzip(csv) }, rounds);
  return { json: spreadOf(measured.json), hard: spreadOf(measured.hard), csv: spreadOf(measured.csv) };
}

/** What is left of page and floor when gzip is taken from both, as a ratio. */
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
