/** The tables of `docs/cost.md`, reckoned by the model that dry runs use. */

import { estimateRun, PRICES, PRICES_AS_OF } from '../../functions/export/plan/estimate.ts';
import { countAccounts } from '../../functions/export/source/count-accounts.ts';
import type { DryRunResult, RunEstimate } from '../../functions/model/outcomes.ts';
import { type MadeBlocks, markdownTable } from './made-blocks.ts';
import { monthlyTable } from './monthly-cost.ts';

/** What the examples assume: the stack's default concurrency, and an API that answers a probe in a fifth of a second. */
const CONCURRENCY = 20;
const PROBE_SECONDS = 0.2;

const SIZES = [1e4, 1e5, 1e6, 1e7] as const;
const PAGE_SIZES = [500, 1000, 5000, 10_000] as const;

const PRICE_NAMES: Readonly<Record<keyof typeof PRICES, readonly [what: string, per: number, unit: string]>> = {
  stateTransition: ['Step Functions, Standard', 1000, '1,000 transitions'],
  lambdaGbSecond: ['Lambda, arm64', 1, 'GB-second'],
  lambdaRequest: ['Lambda', 1e6, '1,000,000 invocations'],
  s3Put: ['S3', 1000, '1,000 PUTs'],
  s3Get: ['S3', 1000, '1,000 GETs'],
  logsGb: ['CloudWatch Logs', 1, 'GB taken in'],
  trace: ['X-Ray', 1e6, '1,000,000 traces'],
  event: ['EventBridge', 1e6, '1,000,000 events'],
  metricHour: ['CloudWatch, a custom metric', 730, '730 hours in which it is written'],
};

/** What a dry run of an export of so many accounts says, by a real count of them. */
export async function exampleDryRun(accounts: number, pageSize: number): Promise<DryRunResult> {
  const usage = { apiRequests: 0, recordsFetched: 0 };
  const { rounds, countedBy } = await countAccounts({
    pageSize,
    concurrency: CONCURRENCY,
    probe: async (size, page) => {
      const offsets = Array.from(
        { length: Math.max(0, Math.min(size, accounts - page * size)) },
        (_, i) => page * size + i,
      );
      usage.apiRequests++;
      usage.recordsFetched += offsets.length;
      return { records: offsets.length, identities: offsets.map(String) };
    },
  });
  const pages = Math.ceil(accounts / pageSize);
  const expected = estimateRun({
    accounts,
    pages,
    pageSize,
    format: 'json',
    concurrency: CONCURRENCY,
    planned: { ...usage, seconds: rounds * PROBE_SECONDS },
    probeSeconds: PROBE_SECONDS,
  });
  return {
    status: 'planned',
    runId: '20261124T060000Z-1f3a',
    exportName: 'all-accounts',
    dryRun: true,
    skipped: false,
    accounts,
    pages,
    pageSize,
    plan: { countedBy, ...usage, rounds, resumed: false },
    expected,
  };
}

/** Blocks of `docs/cost.md` that are measured: `npm run docs -- measure`. */
export const MEASURED = ['counted', 'timed'];

/** The other blocks of `docs/cost.md`. */
export async function costBlocks(): Promise<MadeBlocks> {
  const bySize = await Promise.all(SIZES.map((accounts) => exampleDryRun(accounts, 1000)));
  const byPageSize = await Promise.all(PAGE_SIZES.map((pageSize) => exampleDryRun(1e6, pageSize)));
  const months = ({ expected }: DryRunResult) => usd(Number((expected.usd * 30).toPrecision(2)));
  return {
    prices: `As of ${PRICES_AS_OF}, us-east-1, without a free tier:\n\n${pricesTable()}`,
    sizes: markdownTable(
      ['accounts', 'pages of 1,000', 'requests', 'records of the contract', 'duration', 'USD a run', 'USD for 30 runs'],
      bySize.map((run) => [count(run.accounts), count(run.pages), ...figures(run.expected), months(run)]),
      'rrrrrrr',
    ),
    'page-sizes': markdownTable(
      ['page size', 'pages', 'requests', 'records of the contract', 'duration', 'USD a run'],
      byPageSize.map((run) => [count(run.pageSize), count(run.pages), ...figures(run.expected)]),
      'rrrrrr',
    ),
    monthly: monthlyTable(),
    'dry-run': `\`\`\`json output\n${JSON.stringify(bySize[2], undefined, 2)}\n\`\`\``,
  };
}

function pricesTable(): string {
  const rows = Object.entries(PRICE_NAMES).map(([key, [what, per, unit]]) => {
    const price = Number((PRICES[key as keyof typeof PRICES] * per).toPrecision(6));
    return [what, String(price), unit];
  });
  return markdownTable(['service', 'USD', 'for'], rows, 'lrl');
}

function figures({ apiRequests, recordsFetched, seconds, usd: price }: RunEstimate): string[] {
  return [
    count(apiRequests),
    count(recordsFetched),
    seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`,
    usd(price),
  ];
}

/** Two digits that count: no more is meant. */
function usd(price: number): string {
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(price)));
  return price.toFixed(decimals);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
