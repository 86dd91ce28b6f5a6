/** `docs/cost.md` says what the cost model reckons. */
import { afterEach, describe, expect, it } from 'vitest';
import { printEstimate, printPlan } from '../../cli/terminal/print-run.ts';
import {
  estimateRun,
  MEMORY_MB,
  PRICES,
  PRICES_AS_OF,
  type RunToEstimate,
} from '../../functions/export/plan/estimate.ts';
import { parseRequest } from '../../functions/export/plan/resolve-request.ts';
import type { DryRunResult } from '../../functions/model/outcomes.ts';
import { costBlocks, MEASURED } from '../../tools/docs/cost-tables.ts';
import { keptBlocks, withMadeBlocks } from '../../tools/docs/made-blocks.ts';
import { monthlyRows } from '../../tools/docs/monthly-cost.ts';
import { publishedDetail } from './event-details.ts';
import { jsonExamples, page, tableBelow, textExamples } from './page.ts';

const PAGE = page('cost');
const NONE: RunToEstimate = {
  accounts: 0,
  pages: 0,
  pageSize: 1000,
  format: 'json',
  concurrency: 20,
  planned: { apiRequests: 0, recordsFetched: 0, seconds: 0 },
  probeSeconds: 0,
};

type Price = keyof typeof PRICES;
const listed = { ...PRICES };
const prices = PRICES as { -readonly [K in Price]: number };
afterEach(() => void Object.assign(prices, listed));

/** How much of one thing a run takes: what it would cost if that thing cost 1 and all others nothing. */
function quantity(price: Price, run: Partial<RunToEstimate>): number {
  for (const name of Object.keys(prices) as Price[]) prices[name] = name === price ? 1 : 0;
  return estimateRun({ ...NONE, ...run }).usd;
}

describe('the tables', () => {
  it('are as the model is now: npm run docs makes them so', async () => {
    const blocks = { ...keptBlocks(PAGE.text, MEASURED), ...(await costBlocks()) };
    expect(withMadeBlocks(PAGE.text, blocks)).toBe(PAGE.text);
  });

  it('have the prices and their date', () => {
    expect(PAGE.text).toContain(`As of ${PRICES_AS_OF}, us-east-1`);
    expect(tableBelow(PAGE, '## Prices')).toEqual([
      ['Step Functions, Standard', '0.025', '1,000 transitions'],
      ['Lambda, arm64', '0.0000133334', 'GB-second'],
      ['Lambda', '0.2', '1,000,000 invocations'],
      ['S3', '0.005', '1,000 PUTs'],
      ['S3', '0.0004', '1,000 GETs'],
      ['CloudWatch Logs', '0.5', 'GB taken in'],
      ['X-Ray', '5', '1,000,000 traces'],
      ['EventBridge', '1', '1,000,000 events'],
      ['CloudWatch, a custom metric', '0.3', '730 hours in which it is written'],
    ]);
  });

  it('have the examples', () => {
    const rows = tableBelow(PAGE, '## Examples');
    expect(rows.map(([accounts]) => accounts)).toEqual(['10,000', '100,000', '1,000,000', '10,000,000']);
    expect(rows[2]).toEqual(['1,000,000', '1,000', '1,090', '1,000,109', '38 s', '0.087', '2.6']);
  });
});

describe('the quantities', () => {
  const rows = tableBelow(PAGE, '## How it is reckoned').map(
    ([what = '', ofRun, ofPage, price = '']) =>
      [what, Number(ofRun), Number(ofPage), price.slice(1, -1) as Price] as const,
  );

  it('name every price but that of a GB-second', () => {
    expect(new Set([...rows.map(([, , , price]) => price), 'lambdaGbSecond'])).toEqual(new Set(Object.keys(listed)));
  });

  it.each(rows)('of %s are what a run is charged for', (_what, ofRun, ofPage, price) => {
    // Logs are priced by the GB; the model rounds to two digits, so ten pages are asked for, not a thousand.
    const unit = price === 'logsGb' ? 1e9 : 1;
    expect(quantity(price, { pages: 0 }) * unit).toBeCloseTo(ofRun);
    expect(quantity(price, { pages: 10 }) * unit).toBeCloseTo(ofRun + 10 * ofPage);
  });

  it('of GB-seconds are memory times time', () => {
    const memory = Object.fromEntries(
      tableBelow(PAGE, 'GB-seconds are memory times time:').map(([name, gb]) => [name, Number(gb) * 1024]),
    );
    expect(memory).toEqual({
      '*Plan export*': MEMORY_MB.plan,
      '*Export page*': MEMORY_MB.page,
      '*Publish run*': MEMORY_MB.publish,
    });
    expect(quantity('lambdaGbSecond', {})).toBe(2 * 13);
    expect(quantity('lambdaGbSecond', { planned: { ...NONE.planned, seconds: 50 } })).toBe(2 * 13 + 50);
    // 100 pages of 0.1 s and 1,000 accounts of 0.53 ms: 63 s of one GB.
    expect(quantity('lambdaGbSecond', { pages: 100, accounts: 1e5, probeSeconds: 0.1 })).toBe(26 + 63);
  });

  it('of requests and records are those of planning, of the pages, and of proving', () => {
    const run = { ...NONE, accounts: 5000, pages: 5, planned: { apiRequests: 60, recordsFetched: 30, seconds: 1 } };
    expect(estimateRun(run)).toMatchObject({ apiRequests: 60 + 5 + 26, recordsFetched: 30 + 5000 + 72 });
    expect(estimateRun({ ...run, accounts: 2, pages: 1 }).recordsFetched).toBe(30 + 2 + 6);
    expect(PAGE.text).toContain('those of planning + P + 26');
    expect(PAGE.text).toContain('the accounts + 72');
  });
});

describe('the month in which nothing runs', () => {
  const [plain, full] = [
    monthlyRows({}),
    monthlyRows({ network: { fixedEgressIp: true }, encryption: 'customer-key' }),
  ];
  const pieces = (rows: typeof plain) => Object.fromEntries(rows.map(({ what, pieces }) => [what, pieces]));
  const EACH = 'the metric of its age, for each scheduled export';

  it('counts what the template has: alarms by the metrics they read, and what options add', () => {
    expect(pieces(plain)).toMatchObject({
      'alarms, for each metric that one reads': 8,
      'the dashboard': 1,
      'the secret of the API key': 1,
      'the key of KMS': 0,
      'the NAT gateway': 0,
      [EACH]: 1,
    });
    expect(pieces(full)).toMatchObject({ 'the key of KMS': 1, 'the NAT gateway': 1, 'its public address': 1 });
  });

  it('grows with each scheduled export by an alarm and what watches and keeps it', () => {
    const exports = ['a', 'b', 'c'].map((name) => ({ name, datasetId: 'engage', schedule: 'rate(1 day)' }));
    expect(pieces(monthlyRows({ exports }))).toMatchObject({ 'alarms, for each metric that one reads': 10, [EACH]: 3 });
    expect(pieces(monthlyRows({ exports: [{ name: 'a', datasetId: 'engage' }] }))).toMatchObject({
      'alarms, for each metric that one reads': 7,
      [EACH]: 0,
    });
  });

  it('adds up, on the page', () => {
    const rows = tableBelow(PAGE, '## What a month costs when nothing runs');
    const usd = (cell = '') => Number(cell.replace(/^.*= /, '').replaceAll(/[*–]/g, '') || 0);
    for (const column of [2, 3]) {
      const sum = rows.slice(0, -1).reduce((total, row) => total + usd(row[column]), 0);
      expect(sum).toBeCloseTo(usd(rows.at(-1)?.[column]), 1);
    }
    expect(rows.at(-1)?.slice(2)).toEqual(['**4.62**', '**42.12**']);
  });
});

describe('the dry run', () => {
  const [output] = jsonExamples(PAGE, 'output') as DryRunResult[];

  it('is asked for by a request that a run takes', () => {
    expect(jsonExamples(PAGE, 'request').map(parseRequest)).toEqual([{ exportName: 'all-accounts', dryRun: true }]);
  });

  it('is told on a terminal as the page shows it', () => {
    const lines: string[] = [];
    const write = { out: (line: string) => void lines.push(line), note: (line: string) => void lines.push(line) };
    printPlan(write, output as DryRunResult);
    printEstimate(write, (output as DryRunResult).expected);
    expect(`${lines.join('\n')}\n`).toBe(textExamples(PAGE)[0]);
  });

  it('expects of the records of a real run no more than two in a thousand too many or too few', async () => {
    const { recordsFetched } = await publishedDetail();
    const expected = estimateRun({
      ...NONE,
      accounts: 12_431,
      pages: 13,
      planned: { apiRequests: 48, recordsFetched: 14, seconds: 1 },
    });
    expect(Math.abs(expected.recordsFetched - recordsFetched)).toBeLessThan(25);
  });
});
