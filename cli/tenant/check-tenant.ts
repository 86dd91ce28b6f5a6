/** The checks of a tenant: what `look-at-tenant.ts` found, as findings with remedies. Never a value of an account. */
import { estimateRun } from '../../functions/export/plan/estimate.ts';
import { refuseTooManyPages } from '../../functions/export/source/count-accounts.ts';
import type { ExportError } from '../../functions/model/errors.ts';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { type Finding, fail, ok, type Result, warn } from '../terminal/findings.ts';
import { count, counted, duration, money } from '../terminal/format.ts';
import { attributesOf, csvOf, fieldsOf } from './check-accounts.ts';
import { checkOfFailure, failed, namingApiUrl } from './failed-check.ts';
import {
  type Counted,
  type JsonSample,
  LIMITS,
  type Outcome,
  type Sampled,
  type TenantLook,
} from './look-at-tenant.ts';
import { contentTypeOf, encodingOf, type Responses } from './responses.ts';

export interface CheckedTenant {
  /** Scheme, host and port. */
  readonly baseUrl: string;
  /** Whether `--api-url` names the host, instead of `--account` and `--instance`. */
  readonly usesApiUrl: boolean;
  readonly proxy: URL | undefined;
  readonly settings: ExportSettings;
  readonly concurrency: number;
  readonly look: TenantLook;
  readonly responses: Responses;
}

const NOT_RUN = 'not run';

/** All checks in the order in which they are reported; a check is left out if it depends on one that failed. */
export function checkTenant(tenant: CheckedTenant): Finding[] {
  const { look } = tenant;
  const findings = look.first.error ? firstFailure(tenant, look.first.error) : checksOf(tenant, look.first.value);
  const reported = new Set(findings.map(({ name }) => name));
  const missing = CHECKS.filter((name) => !reported.has(name));
  const notRun = warn(
    `${missing.join(', ')}: ${missing.length === 1 ? 'it needs' : 'they need'} the result of a check above`,
    'Follow the advice above, then check again.',
  );
  const all = [
    ...findings,
    ...(missing.length === 0 ? [] : [{ name: NOT_RUN, ...notRun }]),
    { name: 'contract', ...contractOf(look) },
  ];
  if (!tenant.usesApiUrl) return all;
  return all.map((finding) => ({ ...finding, remedy: finding.remedy && namingApiUrl(finding.remedy) }));
}

const CHECKS = [
  'host',
  'API key',
  'dataset',
  'responses',
  'fields',
  'attributes',
  'CSV',
  'page size',
  'order',
  'offsets',
  'latency',
  'run',
  'clock',
  'retries',
] as const;
type CheckName = (typeof CHECKS)[number];

/** The first request failed: the checks before the one that it failed at are ok. */
function firstFailure(tenant: CheckedTenant, error: ExportError): Finding[] {
  const { responses } = tenant;
  const name = checkOfFailure(error, responses.lastStatus());
  const failure = { name, ...failed(error) };
  if (responses.heads.length === 0) return [failure];
  const passed = name === 'host' ? [] : [{ name: 'host', ...hostOf(tenant) }];
  return [...passed, failure, { name: 'clock', ...clockOf(responses) }];
}

function checksOf(tenant: CheckedTenant, first: JsonSample): Finding[] {
  const { look, responses, settings } = tenant;
  const { sample, csv, order, cap, offsets, count: counting } = look;
  const sampled = sample?.value;
  const results: Partial<Record<CheckName, Result | undefined>> = {
    host: hostOf(tenant),
    'API key': ok('accepted'),
    dataset:
      first.records > 0
        ? ok(`${settings.datasetId} can be read`)
        : warn(`${settings.datasetId} has no accounts`, 'Check the dataset, and the segment if you set one.'),
    responses: sampled ? responsesOf(tenant, sampled) : undefined,
    fields: sampled && fieldsOf(sampled),
    attributes: sampled && attributesOf(sampled),
    CSV: csv && csvOf(settings, look, csv),
    'page size': cap && sampled && resultOf(cap, (served) => pageSizeOf(sampled, served)),
    order: order && resultOf(order, orderResult),
    offsets: offsets && resultOf(offsets, offsetsResult),
    latency: sampled && latencyOf(tenant, sampled),
    run: offsets?.value === 'other' ? NOT_COUNTED : counting && runOf(tenant, counting),
    clock: clockOf(responses),
    retries: retriesOf(tenant),
    ...(sample?.error ? { [checkOfFailure(sample.error, responses.lastStatus())]: failed(sample.error) } : {}),
  };
  return CHECKS.flatMap((name) => {
    const result = results[name];
    return result === undefined ? [] : [{ name, ...result }];
  });
}

function resultOf<T>(outcome: Outcome<T>, check: (value: T) => Result): Result {
  return outcome.error ? failed(outcome.error) : check(outcome.value);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

function hostOf({ baseUrl, proxy }: CheckedTenant): Result {
  const { host, hostname, protocol } = new URL(baseUrl);
  const through = proxy === undefined ? 'no proxy' : `through the proxy ${proxy.host}`;
  if (protocol === 'https:') return ok(`${host}, its TLS certificate is trusted, ${through}`);
  if (LOOPBACK.test(hostname)) return ok(`${host}, without TLS, ${through}`);
  return warn(`${host}, without TLS, ${through}: the network can read the API key`, 'Use an https URL.');
}

function responsesOf({ responses, look }: CheckedTenant, sample: Sampled): Result {
  const encoding = encodingOf(responses, sample.requested);
  const bodies = [
    { endpoint: 'json', name: 'JSON', marked: sample.byteOrderMark },
    { endpoint: 'csv', name: 'CSV', marked: look.csv?.value?.byteOrderMark === true },
  ] as const;
  const described = bodies
    .filter(({ endpoint }) => endpoint === 'json' || look.csv?.value !== undefined)
    .map(({ endpoint, name, marked }) => {
      const { contentType, charset } = contentTypeOf(responses, endpoint);
      const type = contentType ?? 'no known content type';
      return {
        charset,
        text: `${name}: ${[type, charset, ...(marked ? ['byte order mark'] : [])].filter(Boolean).join(', ')}`,
      };
    });
  const detail = [...described.map(({ text }) => text), encoding === null ? 'not compressed' : encoding].join('; ');
  const others = described.filter(({ charset }) => charset !== null && !/^(?:utf-?8|us-ascii)$/.test(charset));
  if (others.length === 0) return ok(detail);
  return warn(detail, 'With this charset, pages with non-ASCII characters fail: contact Salesforce.');
}

function pageSizeOf({ records, requested }: Sampled, served: number | undefined): Result {
  if (served !== undefined) {
    return fail(
      `the API caps pages at ${counted(served, 'account')} (${requested} requested)`,
      `Use --page-size ${served}.`,
    );
  }
  if (records < requested) return ok(`all ${counted(records, 'account')} on one page`);
  return ok(`pages of ${requested} are served; run --dry-run checks larger ones`);
}

function orderResult(order: 'stable' | 'changed' | 'unstable'): Result {
  if (order === 'stable') return ok('two requests return the same accounts in the same order');
  if (order === 'changed') return warn('the accounts changed between two requests', 'Check again.');
  return fail(
    'three requests for the same page return different accounts',
    'Pages of a run would miss accounts and repeat others: contact Salesforce.',
  );
}

function offsetsResult(offsets: 'offsets' | 'other' | 'ignored' | 'too few accounts'): Result {
  switch (offsets) {
    case 'offsets':
      return ok('page × pageSize is an offset');
    case 'too few accounts':
      return ok('not checked: there are fewer than three accounts');
    case 'other':
      return warn(
        'page × pageSize is not an offset',
        'Runs count with whole pages, which uses more records, and their verdict is "unverified".',
      );
    case 'ignored':
      return fail('the API ignores the page parameter: every page has the same accounts', 'Contact Salesforce.');
  }
}

/** A request that takes longer than this may fail: the client waits 120 s for the first byte. */
const SLOW_PAGE_MS = 60_000;
const SLOW_REQUEST_MS = 5_000;
/** Less is the variation between two requests. */
const MIN_SHOWN_MS = 0.1;

/** The time that each further account adds to a request. */
export function perAccountMs({ requestMs }: TenantLook, { latencyMs, records }: Sampled): number {
  return records > 1 ? Math.max(0, latencyMs - requestMs) / (records - 1) : 0;
}

function latencyOf({ settings, look }: CheckedTenant, sample: Sampled): Result {
  const { requestMs } = look;
  const each = perAccountMs(look, sample);
  const detail = [
    `${count(Math.round(requestMs))} ms for one account`,
    ...(each < MIN_SHOWN_MS ? [] : [`${each.toFixed(1)} ms for each further one`]),
  ].join(', ');
  const pageMs = requestMs + settings.pageSize * each;
  if (pageMs > SLOW_PAGE_MS) {
    const size = each > 0 ? Math.max(1, Math.floor((SLOW_PAGE_MS - requestMs) / each)) : settings.pageSize;
    return warn(
      `${detail}; a page of ${count(settings.pageSize)} takes about ${duration(pageMs / 1000)}`,
      `A request fails after 120 s without an answer: use --page-size ${size}.`,
    );
  }
  if (requestMs <= SLOW_REQUEST_MS) return ok(detail);
  return warn(detail, 'The API is slow: use a lower --concurrency, or run when it is less busy.');
}

const NOT_COUNTED = warn(
  'not estimated: without offsets, counting takes whole pages',
  'run --dry-run counts the accounts, and estimates a run.',
);

function runOf({ settings, concurrency, look }: CheckedTenant, counting: Outcome<Counted>): Result {
  const { format } = settings;
  const pageSize = Math.min(settings.pageSize, look.cap?.value ?? Number.POSITIVE_INFINITY);
  const estimate = (counts: Counted): Result => {
    const { accounts, countedBy, seconds, apiRequests, recordsFetched } = counts;
    refuseTooManyPages(accounts, pageSize, 'sample');
    const pages = Math.max(1, Math.ceil(accounts / pageSize));
    const planned = { apiRequests, recordsFetched, seconds };
    const probeSeconds = look.requestMs / 1000;
    const run = estimateRun({ accounts, pages, countedBy, format, pageSize, concurrency, planned, probeSeconds });
    return ok(
      [
        `${counted(accounts, 'account')} in ${counted(pages, 'page')} of ${count(pageSize)}`,
        `about ${duration(run.seconds)} with ${counted(concurrency, 'request')} at a time`,
        `${counted(run.apiRequests, 'request')}, ${counted(run.recordsFetched, 'record')} of the contract`,
        `${money(run.usd)} on AWS`,
      ].join('; '),
    );
  };
  if (counting.error?.name === 'BudgetExceededError') {
    return warn(
      `at least ${counted(look.atLeast, 'account')}: counting them exceeds ${LIMITS.records} records`,
      'run --dry-run counts them, and estimates a run.',
    );
  }
  try {
    return resultOf(counting, estimate);
  } catch (error) {
    return failed(error as ExportError);
  }
}

/** Larger differences change the day of a run, or its window. */
const LARGE_SKEW_MS = 60_000;

function clockOf(responses: Responses): Result {
  const skewMs = responses.clockSkewMs();
  if (skewMs === undefined) return ok('not checked: the API sends no Date');
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= LARGE_SKEW_MS) return ok('this machine and the API agree within a minute');
  return warn(
    `this machine is ${duration(seconds)} ${skewMs > 0 ? 'ahead of' : 'behind'} the API`,
    'Correct the clock of this machine: a run takes its window and date from it.',
  );
}

function retriesOf({ look, responses, concurrency }: CheckedTenant): Result {
  const { retries, apiRequests } = look.usage;
  const causes = Object.entries(retries).map(([cause, times]) => `${cause}: ${times}`);
  if (causes.length === 0) return ok(`none in ${counted(apiRequests, 'request')}, up to ${concurrency} at a time`);
  const longest = Math.max(0, ...responses.waits.map(({ ms }) => ms));
  const waited = longest < 1000 ? '' : `; the longest wait was ${duration(longest / 1000)}`;
  const remedy =
    '429' in retries
      ? 'Runs wait as the API asks; a lower --concurrency avoids most of it.'
      : 'Runs retry such failures. If there are many, check the network.';
  const total = Object.values(retries).reduce((sum, times) => sum + times, 0);
  return warn(`${count(total)} in ${counted(apiRequests, 'request')} (${causes.join(', ')})${waited}`, remedy);
}

function contractOf({ usage: { recordsFetched, apiRequests } }: TenantLook): Result {
  const requests = `in ${counted(apiRequests, 'request')}`;
  if (recordsFetched <= LIMITS.records) {
    return ok(`${counted(recordsFetched, 'record')} of at most ${LIMITS.records} used, ${requests}`);
  }
  return warn(
    `${counted(recordsFetched, 'record')} used, ${requests}: the API ignores pageSize`,
    'Contact Salesforce.',
  );
}
