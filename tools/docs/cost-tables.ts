/** The tables of `docs/cost.md`, from the estimate that dry runs use. */

import {
  estimateRun,
  MEMORY_MB,
  PRICES,
  PRICES_AS_OF,
  quantitiesOf,
  SECONDS_PER_ACCOUNT,
  TRANSFORM_SECONDS_PER_ACCOUNT,
} from '../../functions/export/plan/estimate.ts';
import { countAccounts } from '../../functions/export/source/count-accounts.ts';
import type { RunEstimate } from '../../functions/model/outcomes.ts';
import { count, fenced, type GeneratedBlocks, markdownTable } from './markdown.ts';
import { monthlyTable } from './monthly-cost.ts';

/** What the examples assume: the default concurrency, and an API that answers a probe in 0.2 s. */
const CONCURRENCY = 20;
const PROBE_SECONDS = 0.2;

const SIZES = [1e4, 1e5, 1e6, 1e7] as const;
const PAGE_SIZES = [500, 1000, 5000, 10_000] as const;

interface PricedItem {
  readonly service: string;
  /** The name in the table of quantities. */
  readonly item: string;
  /** How many the price of the price list is for, and their unit. */
  readonly per: number;
  readonly unit: string;
  /** How many of `unit` the table of quantities counts in. @default 1 */
  readonly counted?: number;
}

const ITEMS: Readonly<Record<keyof typeof PRICES, PricedItem>> = {
  stateTransition: {
    service: 'Step Functions, Standard',
    item: 'state transitions',
    per: 1000,
    unit: '1,000 transitions',
  },
  lambdaGbSecond: { service: 'Lambda, arm64', item: 'GB-seconds', per: 1, unit: 'GB-second' },
  lambdaRequest: { service: 'Lambda', item: 'Lambda invocations', per: 1e6, unit: '1,000,000 invocations' },
  s3Put: { service: 'S3', item: 'S3 PUT and LIST requests', per: 1000, unit: '1,000 PUT or LIST requests' },
  s3Get: { service: 'S3', item: 'S3 GET and HEAD requests', per: 1000, unit: '1,000 GET or HEAD requests' },
  logsGb: { service: 'CloudWatch Logs', item: 'bytes of logs', per: 1, unit: 'GB ingested', counted: 1e9 },
  trace: { service: 'X-Ray', item: 'traces', per: 1e6, unit: '1,000,000 traces' },
  event: { service: 'EventBridge', item: 'events', per: 1e6, unit: '1,000,000 events' },
  metricHour: { service: 'CloudWatch', item: 'custom metrics, for one hour', per: 730, unit: 'metric, for 730 hours' },
};

/** The output of a dry run of an export with this many accounts, which are really counted. */
export async function exampleDryRun(accounts: number, pageSize: number) {
  const usage = { apiRequests: 0, recordsFetched: 0 };
  const { rounds, countedBy } = await countAccounts({
    pageSize,
    concurrency: CONCURRENCY,
    probe: async (size, page) => {
      const first = page * size;
      const records = Math.max(0, Math.min(size, accounts - first));
      usage.apiRequests++;
      usage.recordsFetched += records;
      return { records, names: Array.from({ length: records }, (_, i) => String(first + i)) };
    },
  });
  const size = { accounts, pages: Math.ceil(accounts / pageSize), pageSize };
  const estimate = estimateRun({
    ...size,
    ...{ countedBy },
    format: 'json',
    concurrency: CONCURRENCY,
    planned: { ...usage, seconds: rounds * PROBE_SECONDS },
    probeSeconds: PROBE_SECONDS,
  });
  return {
    outcome: 'dryRun',
    runId: '20261124T060000Z-1f3a',
    exportName: 'all-accounts',
    ...size,
    plan: { countedBy, ...usage, rounds, resumed: false },
    estimate,
  };
}

/** The blocks of `docs/cost.md`, except those that are measured (`test/docs/measured-runs.ts`). */
export async function costBlocks(): Promise<GeneratedBlocks> {
  const bySize = await Promise.all(SIZES.map((accounts) => exampleDryRun(accounts, 1000)));
  const byPageSize = await Promise.all(PAGE_SIZES.map((pageSize) => exampleDryRun(1e6, pageSize)));
  const month = ({ usd }: RunEstimate) => twoDigits(Number((usd * 30).toPrecision(2)));
  return {
    sizes: markdownTable(
      ['accounts', 'pages of 1,000', 'requests', 'records fetched', 'duration', 'USD per run', 'USD for 30 runs'],
      bySize.map(({ accounts, pages, estimate }) => [
        count(accounts),
        count(pages),
        ...figures(estimate),
        month(estimate),
      ]),
      'rrrrrrr',
    ),
    'page-sizes': markdownTable(
      ['page size', 'pages', 'requests', 'records fetched', 'duration', 'USD per run'],
      byPageSize.map(({ pageSize, pages, estimate }) => [count(pageSize), count(pages), ...figures(estimate)]),
      'rrrrrr',
    ),
    quantities: quantitiesTable(),
    memory: memoryTable(),
    prices: `As of ${PRICES_AS_OF}, us-east-1, without the free tier:\n\n${pricesTable()}`,
    monthly: monthlyTable(),
    'dry-run': fenced('json', JSON.stringify(bySize[2], undefined, 2), 'output'),
  };
}

const NOTHING = {
  accounts: 0,
  pages: 0,
  pageSize: 1000,
  countedBy: 'offsets',
  format: 'json',
  concurrency: CONCURRENCY,
  planned: { apiRequests: 0, recordsFetched: 0, seconds: 0 },
  probeSeconds: 0,
} as const;

function quantitiesTable(): string {
  const [run, onePage] = [quantitiesOf(NOTHING, 0), quantitiesOf({ ...NOTHING, pages: 1 }, 0)];
  const priced = Object.entries(ITEMS) as [keyof typeof PRICES, PricedItem][];
  // GB-seconds depend on the duration, which the page explains.
  const rows = priced
    .filter(([key]) => key !== 'lambdaGbSecond')
    .map(([key, { item, counted = 1 }]) => {
      return [item, count(run[key] * counted), count(Math.round((onePage[key] - run[key]) * counted))];
    });
  return markdownTable(['item', 'per run', 'per page'], rows, 'lrr');
}

function pricesTable(): string {
  const rows = Object.entries(ITEMS).map(([key, { service, per, unit }]) => {
    const price = Number((PRICES[key as keyof typeof PRICES] * per).toPrecision(6));
    return [service, String(price), unit];
  });
  return markdownTable(['service', 'USD', 'per'], rows, 'lrl');
}

/** Where the GB-seconds come from. */
function memoryTable(): string {
  const gb = (memoryMb: number) => String(memoryMb / 1024);
  return markdownTable(
    ['function', 'GB', 'seconds'],
    [
      ['*Plan export*', gb(MEMORY_MB.plan), 'rounds of probes × the median time of a probe'],
      [
        '*Export page*',
        gb(MEMORY_MB.page),
        `per page: the time of a probe + ${SECONDS_PER_ACCOUNT + TRANSFORM_SECONDS_PER_ACCOUNT} s per account`,
      ],
      ['*Publish run*', gb(MEMORY_MB.publish), String(publishSeconds())],
    ],
    'lrl',
  );
}

function publishSeconds(): number {
  return (quantitiesOf(NOTHING, 0).lambdaGbSecond * 1024) / MEMORY_MB.publish;
}

function figures({ apiRequests, recordsFetched, seconds, usd }: RunEstimate): string[] {
  return [
    count(apiRequests),
    count(recordsFetched),
    seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`,
    twoDigits(usd),
  ];
}

/** Two significant digits: the estimate is no more precise. */
function twoDigits(usd: number): string {
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(usd)));
  return usd.toFixed(decimals);
}
