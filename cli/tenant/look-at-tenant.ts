/** Looks at a tenant with few records: what its API answers, for `check-tenant.ts` to judge and for a fingerprint. */
import type { AccountsApi } from '../../functions/export/ports.ts';
import { countAccounts } from '../../functions/export/source/count-accounts.ts';
import { Source } from '../../functions/export/source/source.ts';
import { type CsvPage, decodeCsv } from '../../functions/formats/csv.ts';
import { decodeJson, type JsonPage } from '../../functions/formats/json-lines.ts';
import { type ExportError, isExportError } from '../../functions/model/errors.ts';
import type { RunParameters } from '../../functions/model/run.ts';
import { addUsage, type Usage } from '../../functions/model/usage.ts';
import type { FieldProfile } from '../../simulator/fingerprint.ts';
import { profileAccounts } from './profile-accounts.ts';
import { type Limits, recordLimit } from './record-limit.ts';

/** Counting takes up to 54 records at a million accounts, and mostly fewer than 40; the other requests take 50. */
export const LIMITS: Limits = { records: 100, requests: 150 };
/** Accounts that are looked at. */
const SAMPLE = 30;
const SECOND_LOOK = 10;
const CSV_SAMPLE = 5;

export interface TenantToCheck {
  readonly api: AccountsApi;
  readonly datasetId: string;
  readonly parameters: RunParameters;
  /** Requests in flight at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Epoch ms. */
  readonly now: () => number;
}

/** What a step found, or why it could not. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: never }
  | { readonly error: ExportError; readonly value?: never };

/** A page of JSON without its values: only the names stay, to compare two looks. */
export interface JsonSample extends Pick<JsonPage, 'records' | 'names'> {
  readonly fields: readonly FieldProfile[];
  /** Fields with values that their columns cannot hold. */
  readonly keptAsSent: readonly string[];
  readonly byteOrderMark: boolean;
  readonly bytes: number;
}

export interface CsvSample extends Pick<CsvPage, 'records' | 'names' | 'columns'> {
  readonly byteOrderMark: boolean;
  readonly finalNewline: boolean;
  readonly lineEnd: '\n' | '\r\n';
}

export interface Sampled extends JsonSample {
  /** The page size that was requested. */
  readonly requested: number;
  readonly latencyMs: number;
}

export interface Counted extends Pick<Usage, 'apiRequests' | 'recordsFetched'> {
  readonly accounts: number;
  readonly countedBy: 'offsets' | 'pages';
  readonly seconds: number;
}

/** Steps are missing if they depend on one that failed. */
export interface TenantLook {
  /** One account: shows whether the host, the key and the dataset are right. */
  readonly first: Outcome<JsonSample>;
  readonly sample?: Outcome<Sampled> | undefined;
  readonly csv?: Outcome<CsvSample> | undefined;
  /** `changed`: once, between two looks. */
  readonly order?: Outcome<'stable' | 'changed' | 'unstable'> | undefined;
  /** How many accounts the API serves on a page although more follow; `undefined` if it serves as many as requested. */
  readonly cap?: Outcome<number | undefined> | undefined;
  readonly offsets?: Outcome<'offsets' | 'other' | 'ignored' | 'too few accounts'> | undefined;
  readonly count?: Outcome<Counted> | undefined;
  /** The last account that was found, from 1: at least so many there are. */
  readonly atLeast: number;
  /** The median time of a request. */
  readonly requestMs: number;
  readonly usage: Usage;
}

/** Looks at a tenant within `LIMITS`. It rejects only if it is aborted. */
export async function lookAtTenant(tenant: TenantToCheck): Promise<TenantLook> {
  const { api, datasetId, parameters, concurrency, signal, now } = tenant;
  const options = { signal, budget: recordLimit(LIMITS) };
  const size = Math.min(SAMPLE, parameters.pageSize);
  const run = { datasetId, parameters: { ...parameters, pageSize: size } };
  const json = new Source(api, { ...run, format: 'json' }, decodeSample, options);
  const csv = new Source(api, { ...run, format: 'csv' }, decodeCsvSample, options);
  let atLeast = 0;
  const probe = async (pageSize: number, page: number) => {
    const answer = await json.probe(pageSize, page);
    if (answer.records > 0) atLeast = Math.max(atLeast, page * pageSize + answer.records);
    return answer;
  };
  const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
    try {
      return { value: await work() };
    } catch (error) {
      if (signal.aborted || !isExportError(error)) throw error;
      return { error };
    }
  };
  const end = (steps: Omit<TenantLook, 'atLeast' | 'requestMs' | 'usage'>): TenantLook => {
    return { ...steps, atLeast, requestMs: json.medianLatencyMs, usage: addUsage(json.usage, csv.usage) };
  };

  const first = await outcomeOf(() => probe(1, 0));
  if (first.error) return end({ first });
  const csvSample = () => outcomeOf(() => csv.probe(Math.min(CSV_SAMPLE, size), 0));
  if (first.value.records === 0) return end({ first, csv: await csvSample() });

  const sample = await outcomeOf(async (): Promise<Sampled> => {
    const { value, latencyMs } = await json.page(0);
    return { ...value, requested: size, latencyMs };
  });
  if (sample.error) return end({ first, sample });
  const looked = { first, sample, csv: await csvSample() };
  const { records, names } = sample.value;
  atLeast = Math.max(atLeast, records);
  const order = await outcomeOf(() => orderOf(probe, names));
  const cap = await outcomeOf(async () => {
    return records < size && (await probe(1, records)).records > 0 ? records : undefined;
  });
  const withOrder = { ...looked, order, cap };
  if (order.error || order.value !== 'stable') return end(withOrder);
  const offsets = await outcomeOf(() => offsetsOf(probe, names));
  if (offsets.error || offsets.value === 'other' || offsets.value === 'ignored') return end({ ...withOrder, offsets });
  const count = await outcomeOf(async (): Promise<Counted> => {
    const [startedAt, before] = [now(), json.usage];
    const { pageSize } = parameters;
    // Whether the API serves pages of this size would take a whole page to find out.
    const { accounts, countedBy } = await countAccounts({ probe, pageSize, concurrency, pageSizeServed: true });
    const { apiRequests, recordsFetched } = json.usage;
    return {
      accounts,
      countedBy,
      seconds: Math.max(0, now() - startedAt) / 1000,
      apiRequests: apiRequests - before.apiRequests,
      recordsFetched: recordsFetched - before.recordsFetched,
    };
  });
  return end({ ...withOrder, offsets, count });
}

type Probe = (pageSize: number, page: number) => Promise<Pick<JsonPage, 'records' | 'names'>>;

async function orderOf(probe: Probe, names: readonly string[]): Promise<'stable' | 'changed' | 'unstable'> {
  const size = Math.min(SECOND_LOOK, names.length);
  const second = await probe(size, 0);
  if (isStart(second.names, names)) return 'stable';
  // An account may have been added or removed at this moment.
  const third = await probe(size, 0);
  return isStart(third.names, second.names) ? 'changed' : 'unstable';
}

/** Whether page `p` of size `s` starts at account `p × s`: asked with sizes of 1 and 2, within the accounts that are known. */
async function offsetsOf(probe: Probe, names: readonly string[]) {
  if (names.length < 3) return 'too few accounts';
  const [single, pair] = [Math.floor(names.length / 2), Math.max(1, Math.floor((names.length - 1) / 3))];
  const answers = [(await probe(1, single)).names, (await probe(2, pair)).names] as const;
  if (isStart(answers[0], names.slice(single)) && isStart(answers[1], names.slice(2 * pair))) return 'offsets';
  return answers.every((answer) => answer.length > 0 && isStart(answer, names)) ? 'ignored' : 'other';
}

function isStart(some: readonly string[], names: readonly string[]): boolean {
  return some.length > 0 && some.every((name, i) => i >= names.length || name === names[i]);
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const hasByteOrderMark = (body: Buffer) => body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);

const AS_SENT = /_as_sent$/;
const CARRIAGE_RETURN = 0x0d;

function decodeSample(body: Buffer): JsonSample {
  const { records, names, columns } = decodeJson(body);
  const byteOrderMark = hasByteOrderMark(body);
  const text = body.toString('utf8', byteOrderMark ? BYTE_ORDER_MARK.length : 0);
  const fields = profileAccounts(JSON.parse(text));
  const sent = new Set(fields.map(({ name }) => name));
  const kept = columns.filter((column) => AS_SENT.test(column) && !sent.has(column));
  const keptAsSent = kept.map((column) => column.replace(AS_SENT, ''));
  return { records, names, fields, keptAsSent, byteOrderMark, bytes: body.length };
}

function decodeCsvSample(body: Buffer): CsvSample {
  const { records, names, columns, endsWithNewline } = decodeCsv(body, { finalNewline: undefined });
  // Of the header: a value may contain line breaks of its own.
  const lineEnd = body[body.indexOf('\n') - 1] === CARRIAGE_RETURN ? '\r\n' : '\n';
  return { records, names, columns, finalNewline: endsWithNewline, lineEnd, byteOrderMark: hasByteOrderMark(body) };
}
