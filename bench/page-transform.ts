/** What a page takes between the last byte of its body and the first byte of its part. */
import { GZIP_LEVEL, gzip } from '../functions/formats/gzip.ts';
import { FLOORS } from './floors.ts';
import { interleaved, ratioOf } from './measure.ts';
import { accountsOf, apiOf, bodyOf, exportFirstPage, FORMATS, type Format, runOf } from './pages.ts';
import type { Benchmark, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

/** The default, and the largest that may be asked for. */
const PAGE_SIZES = [1000, 10_000] as const;
/** Of the page, over the floor. */
const MOST_FOR_JSON = 1.5;
/** Each measurement runs so many accounts: tens of milliseconds. */
const ACCOUNTS_AT_ONCE = 10_000;

const TITLE = 'Page transform';

interface Measured {
  readonly format: Format;
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
    for (const format of FORMATS) measured.push(await measure(format, accounts, { rounds, warmUp }));
  }
  const packing = await packingAlone({ rounds, warmUp });
  const worst = measured.filter(({ format }) => format === 'json').sort((a, b) => b.ratio.median - a.ratio.median)[0];
  const kept = worst !== undefined && worst.ratio.median <= MOST_FOR_JSON;
  return {
    title: TITLE,
    about: [
      'A page from the last byte of its body to the last byte of its part, by the code that the Lambda *Export page* runs:',
      'UTF-8, limits, parse, split, look for superseded accounts, pack, SHA-256, the hashes of all accounts, the record.',
      'The network is left out at both ends. Time is the processor’s, of all threads together, so a rate is that of one core.',
      `The floor of JSON is \`JSON.parse\`, \`JSON.stringify\` and gzip of the same body; of CSV, decoding the text and gzip; of`,
      'Parquet, `JSON.parse` and the same writer with the same columns and codec. Floors check nothing and lose digits.',
      `gzip is at level ${GZIP_LEVEL} on both sides.`,
    ].join('\n'),
    tables: [
      {
        head: ['format', 'accounts a page', 'body', 'ms a page', 'accounts/s', 'MB/s', 'floor, ms', 'page ÷ floor'],
        align: 'lrrrrrrr',
        rows: measured.map(({ format, accounts, bodyBytes, pageMs, floorMs, ratio }) => [
          format,
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
      `The limit for JSON is ${MOST_FOR_JSON} × the floor: ${kept ? 'kept' : '**passed**'}, with ${worst?.ratio.median.toFixed(2)} at ${grouped(worst?.accounts ?? 0)} accounts a page.`,
      `gzip alone takes ${quoteSpread(packing, 1)} ms for the lines of 10,000 accounts, on both sides of the ratio. Without it, a page of JSON is ${withoutPacking(measured, packing)} of \`JSON.parse\` and \`JSON.stringify\`.`,
    ],
    figures: {
      mostForJson: MOST_FOR_JSON,
      limitKept: kept,
      gzipLevel: GZIP_LEVEL,
      gzipMsOf10000: packing,
      pages: measured,
    },
  };
};

async function measure(
  format: Format,
  accounts: number,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
): Promise<Measured> {
  const body = bodyOf(format, accounts);
  const [api, run] = [apiOf(body), runOf(format, accounts)];
  const times = Math.ceil(ACCOUNTS_AT_ONCE / accounts);
  const { page, floor } = await interleaved(
    { page: () => exportFirstPage(api, run), floor: () => FLOORS[format](body) },
    { rounds, warmUp, times },
  );
  return {
    format,
    accounts,
    bodyBytes: body.length,
    pageMs: spreadOf(page),
    floorMs: spreadOf(floor),
    ratio: ratioOf(page, floor),
  };
}

async function packingAlone(rounds: { readonly rounds: number; readonly warmUp: number }): Promise<Spread> {
  const lines = `${accountsOf(10_000).join('\n')}\n`;
  return spreadOf((await interleaved({ gzip: () => gzip(lines) }, rounds)).gzip);
}

/** `1.9 ×` */
function withoutPacking(measured: readonly Measured[], packing: Spread): string {
  const large = measured.find(({ format, accounts }) => format === 'json' && accounts === 10_000);
  const [page, floor] = [large?.pageMs.median ?? 0, large?.floorMs.median ?? 0];
  return `${((page - packing.median) / (floor - packing.median)).toFixed(1)} ×`;
}
