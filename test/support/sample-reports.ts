/** Run reports of made-up runs: what the tests and the screenshots look at. */
import type { PageFacts } from '../../functions/export/report/page-timeline.ts';
import { renderReport } from '../../functions/export/report/render-report.ts';
import { describeRun, type Evidence } from '../../functions/export/report/run-report.ts';
import type { RunHistory } from '../../functions/export/storage/run-history.ts';
import type { FieldPresence } from '../../functions/model/field-coverage.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import type { Run } from '../../functions/model/run.ts';
import { plannedRun, publishedManifest } from '../export/planned-run.ts';

const START = Date.parse('2026-08-22T02:00:00.000Z');
const RUN_ID = '20260822T020000Z-1f3a';
export const HOSTILE = '</script><img src=x onerror="document.title=\'hacked\'">\u202Eevil\u001B[31m';

/** The same numbers every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Receipts of pages that so many lanes fetched. */
export function sampleReceipts(pages: number, lanes: number, accounts: number, pageSize: number): PageFacts[] {
  const random = numbers(pages);
  const free = Array.from({ length: lanes }, () => START + 1_900);
  return Array.from({ length: pages }, (_, page) => {
    const lane = free.indexOf(Math.min(...free));
    const start = (free[lane] ?? START) + Math.round(random() * 40);
    const isRetried = random() < 0.06 + (page / pages > 0.55 && page / pages < 0.6 ? 0.3 : 0);
    const latencyMs = Math.round(
      180 +
        random() * 140 +
        (random() < 0.08 ? random() * 900 : 0) +
        (page / pages > 0.55 && page / pages < 0.6 ? 150 : 0),
    );
    const waitedMs = isRetried ? Math.round(300 + random() * 1_200) : 0;
    free[lane] = start + waitedMs + latencyMs;
    const retries: Record<string, number> = isRetried ? { [random() < 0.7 ? '429' : '5xx']: 1 } : {};
    const records = Math.min(pageSize, Math.max(0, accounts - page * pageSize));
    return {
      page,
      records,
      bytes: records * 49 + 20,
      usage: { apiRequests: isRetried ? 2 : 1, recordsFetched: records, retries },
      latencyMs,
      startedAt: new Date(start + waitedMs).toISOString(),
    };
  });
}

const KNOWN = [
  'name',
  'engagementScore',
  'engagementPercentChange',
  'firstActivity',
  'lastActivity',
  'totalActions',
  'accountStatus',
];
const ATTRIBUTES = ['annualRevenue', 'crmId', 'employees', 'industry', 'note', 'owner', 'region', 'tags', 'tier'];

export function sampleFields(accounts: number, shares: Readonly<Record<string, number>> = {}): FieldPresence[] {
  const names = [...KNOWN, ...ATTRIBUTES.map((name) => `attributes.${name}`), ...Object.keys(shares)];
  return [...new Set(names)]
    .sort()
    .map((name, i) => ({
      name,
      present: Math.round(accounts * (shares[name] ?? (KNOWN.includes(name) ? 1 : 0.98 - 0.07 * i * 0.8))),
    }))
    .filter(({ present }) => present > 0);
}

const DAY_MS = 86_400_000;

export function sampleHistory(runs: number, drifted: readonly number[] = [], around = 12_400): RunHistory {
  const random = numbers(7);
  return {
    version: 1,
    runs: Array.from({ length: runs }, (_, i) => {
      const publishedAt = new Date(START - (runs - i) * DAY_MS + 42_000).toISOString();
      return {
        runId: `${publishedAt.slice(0, 10).replaceAll('-', '')}T020000Z-${(4096 + i * 37).toString(16)}`,
        publishedAt,
        accounts: Math.round(around * (0.9 + (0.1 * i) / runs + 0.012 * random())),
        verdict: drifted.includes(i) ? 'drifted' : 'consistent',
      };
    }),
    coverage: {
      format: 'json',
      records: around,
      fields: sampleFields(around, { 'attributes.legacyScore': 0.21, 'attributes.pilot': 0.004 }),
    },
  };
}

export interface SampleOptions {
  readonly accounts?: number;
  readonly pageSize?: number;
  readonly lanes?: number;
  readonly run?: Partial<Run>;
  readonly manifest?: Partial<Manifest>;
  readonly evidence?: Partial<Evidence>;
}

/** A published run on AWS. */
export function sampleEvidence(options: SampleOptions = {}): Evidence {
  const { accounts = 12_431, pageSize = 500, lanes = 8 } = options;
  const pages = Math.max(1, Math.ceil(accounts / pageSize));
  const run = plannedRun({
    runId: RUN_ID,
    exportName: 'all-accounts',
    parameters: { pageSize, start: START - 7 * DAY_MS, end: START },
    accounts,
    pages,
    ...options.run,
  });
  const receipts = sampleReceipts(pages, lanes, accounts, pageSize);
  const end = receipts.reduce(
    (last, { startedAt = '', latencyMs }) => Math.max(last, Date.parse(startedAt) + latencyMs),
    0,
  );
  const retries = receipts.reduce((sum, { usage }) => sum + usage.apiRequests - 1, 0);
  const manifest: Manifest = {
    ...publishedManifest({
      runId: run.runId,
      exportName: run.exportName,
      parameters: run.parameters,
      startedAt: run.startedAt,
      publishedAt: new Date(end + 1_600).toISOString(),
      pages,
      records: accounts,
      distinctAccounts: accounts,
      plannedRecords: accounts,
      bytes: receipts.reduce((sum, { bytes }) => sum + bytes, 0),
      recordsFetched: accounts + 127,
      apiRequests: pages + 82 + retries,
      retries,
      consistency: {
        verdict: 'consistent',
        accountsBefore: accounts,
        accountsAfter: accounts,
        boundariesChecked: accounts === 0 ? 0 : Math.min(65, pages + 1),
        boundariesMoved: 0,
      },
    }),
    fields: sampleFields(accounts),
    ...options.manifest,
  };
  return {
    run,
    status: 'published',
    execution: 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport:run-1',
    manifest,
    receipts,
    history: sampleHistory(29, [11]),
    query: `SELECT * FROM account_export.accounts_history WHERE export_name = '${run.exportName}' AND export_date = '${run.exportDate}' AND run_id = '${run.runId}' LIMIT 10`,
    ...options.evidence,
  };
}

export const renderSample = (evidence: Evidence): string => renderReport(describeRun(evidence));

const QUARANTINED = {
  error: 'QuarantinedError',
  message: `Run "${RUN_ID}" is quarantined: it has 5,102 accounts, 58.9% fewer than "20260821T020000Z-140c", the last published run of export "all-accounts" (12403 accounts; maxDropPercent allows 50%). Check the filter and the dataset; if the data is right, publish the run.`,
  remedy: 'To export again, start a new run. To publish this run:',
  command: `npx account-export publish ${RUN_ID}`,
  executionUrl: 'https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1',
  failures: [],
};

/** Runs of every kind. */
export function sampleReports(): Record<string, string> {
  const consistent = sampleEvidence({
    manifest: { fields: sampleFields(12_431, { 'attributes.legacyScore': 0.22, 'attributes.pilot': 0.004 }) },
  });
  const drifted = sampleEvidence({
    manifest: {
      records: 12_433,
      distinctAccounts: 12_431,
      duplicates: 2,
      consistency: {
        verdict: 'drifted',
        accountsBefore: 12_431,
        accountsAfter: 12_429,
        boundariesChecked: 26,
        boundariesMoved: 2,
      },
      unmappedColumns: ['attributes_sent_as_array', 'healthIndex'],
      fields: sampleFields(12_431, {
        healthIndex: 0.31,
        attributes_sent_as_array: 0.02,
        'attributes.segmentTier': 0.4,
      }),
    },
    evidence: { execution: 'local' },
  });
  const { query: _query, ...small } = sampleEvidence({ accounts: 5_102 });
  const { manifest: _none, query: _sql, ...failed } = sampleEvidence();
  const kept = failed.receipts.filter(({ page }) => ![7, 12, 19].includes(page));
  return {
    consistent: renderSample(consistent),
    drifted: renderSample(drifted),
    quarantined: renderSample({ ...small, status: 'quarantined', ended: QUARANTINED }),
    failed: renderSample({
      ...failed,
      status: 'failed',
      receipts: kept,
      done: new Set(kept.map(({ page }) => page)),
      usage: { apiRequests: 91, recordsFetched: 11_980, retries: {}, totalRetries: 9 },
      ended: {
        error: 'BudgetExceededError',
        message:
          'The record budget of run "20260822T020000Z-1f3a" is used up (maxRecords is 12000, and 3 pages of 500 records are missing): resume the run with a higher maxRecords.',
        remedy: 'Resume the run; replace N with a maxRecords higher than before. Finished pages are not fetched again.',
        command: `npx account-export resume ${RUN_ID} --max-records N`,
        executionUrl: 'https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1',
        failures: [7, 12, 19].map((task) => ({
          version: 1 as const,
          task,
          error: 'BudgetExceededError',
          message: `Page ${task} needs 500 records of the record budget, and 20 are left: raise maxRecords.`,
          attempts: 1,
          usage: { apiRequests: 0, recordsFetched: 0, retries: {} },
        })),
      },
    }),
    empty: renderSample(sampleEvidence({ accounts: 0, manifest: { fields: [] }, evidence: { history: undefined } })),
    large: renderSample(
      sampleEvidence({
        accounts: 29_998_200,
        pageSize: 1_000,
        lanes: 100,
        evidence: { history: sampleHistory(29, [3, 20], 30_000_000) },
      }),
    ),
    hostile: renderSample(
      sampleEvidence({
        accounts: 1_200,
        run: { exportName: 'engage', parameters: { pageSize: 500, filter: HOSTILE, segmentId: `${HOSTILE}"'&` } },
        manifest: {
          unmappedColumns: [HOSTILE, `"${'x'.repeat(300)}`],
          fields: sampleFields(1_200, {
            [HOSTILE]: 0.5,
            [`attributes.${HOSTILE}`]: 0.3,
            "attributes.' onload='alert(1)": 0.2,
          }),
        },
        evidence: { history: sampleHistory(5, [], 1_200) },
      }),
    ),
  };
}
