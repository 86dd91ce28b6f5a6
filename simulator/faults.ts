/** Injected faults: failures of a network, a proxy or an API. */
import { ExportError } from '../functions/model/errors.ts';

export const FAULT_KINDS = [
  'reset',
  'reset-mid-body',
  'truncate',
  'truncate-content-length',
  'html',
  'garbage',
  'empty-body',
  'hang',
  'slow-drip',
  'huge',
  'invalid-utf8',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultRule {
  readonly fault: FaultKind | { readonly status: number; readonly retryAfter?: string };
  /** How often each page fails, per page size. @default 1 */
  readonly times?: number;
  /** The smallest page size that fails; 2 excludes 1-record probes. */
  readonly minPageSize?: number;
  readonly maxPageSize?: number;
  /** @default all pages */
  readonly pages?: readonly number[];
}

/** Returns a function that picks the fault, if any, for each request. */
export function faultPicker(
  rules: readonly FaultRule[],
): (page: number, pageSize: number) => FaultRule['fault'] | undefined {
  const injected = new Map<string, number>();
  return (page, pageSize) => {
    for (const [i, rule] of rules.entries()) {
      if (pageSize < (rule.minPageSize ?? 0) || pageSize > (rule.maxPageSize ?? Number.POSITIVE_INFINITY)) continue;
      if (rule.pages && !rule.pages.includes(page)) continue;
      const key = `${i} ${page} ${pageSize}`;
      const before = injected.get(key) ?? 0;
      if (before >= (rule.times ?? 1)) continue;
      injected.set(key, before + 1);
      return rule.fault;
    }
    return undefined;
  };
}

/** Requests for more accounts than any probe are pages. */
export const MAX_PROBE_SIZE = 22;

/**
 * Parses a fault of the command line: `429:retry-after=2`, `reset:times=3`, `html:always`, `500:pages`. `pages` excludes
 * probes.
 * @throws ExportError `RequestError`
 */
export function parseFault(text: string): FaultRule {
  const [kind = '', ...options] = text.split(':');
  const known = (FAULT_KINDS as readonly string[]).includes(kind);
  const status = /^[1-5]\d\d$/.test(kind) ? Number(kind) : undefined;
  if (!known && status === undefined) throw unknownFault(text);
  let retryAfter: string | undefined;
  let times: number | undefined;
  let minPageSize: number | undefined;
  for (const option of options) {
    const [key, value = ''] = option.split('=');
    if (key === 'always' && value === '') times = Number.POSITIVE_INFINITY;
    else if (key === 'pages' && value === '') minPageSize = MAX_PROBE_SIZE + 1;
    else if (key === 'times' && /^\d+$/.test(value)) times = Number(value);
    else if (key === 'retry-after' && status !== undefined && value !== '') retryAfter = value;
    else throw unknownFault(text);
  }
  const fault =
    status === undefined ? (kind as FaultKind) : { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  return { fault, ...(times === undefined ? {} : { times }), ...(minPageSize === undefined ? {} : { minPageSize }) };
}

function unknownFault(text: string): ExportError {
  return new ExportError(
    'RequestError',
    `Unknown fault ${JSON.stringify(text)}: use a status code, ${FAULT_KINDS.join(', ')}, optionally followed by :times=N, :always, :pages or (after a status code) :retry-after=SECONDS.`,
  );
}
