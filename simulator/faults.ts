/** Faults on request: what a network, a proxy and an API in trouble do to an answer. */
import { ExportError } from '../functions/model/errors.ts';

/** Faults of the answer's body or connection; a number is a status code. */
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
  /** How often it strikes each page of each page size; once by default. */
  readonly times?: number;
  /** Only page sizes from here on: with 2, probes of one record are spared. */
  readonly minPageSize?: number;
  readonly maxPageSize?: number;
  /** Only these pages. */
  readonly pages?: readonly number[];
}

/** Decides, request by request, whether a fault strikes. */
export function faultPicker(
  rules: readonly FaultRule[],
): (page: number, pageSize: number) => FaultRule['fault'] | undefined {
  const struck = new Map<string, number>();
  return (page, pageSize) => {
    for (const [i, rule] of rules.entries()) {
      if (pageSize < (rule.minPageSize ?? 0) || pageSize > (rule.maxPageSize ?? Number.POSITIVE_INFINITY)) continue;
      if (rule.pages && !rule.pages.includes(page)) continue;
      const key = `${i} ${page} ${pageSize}`;
      const before = struck.get(key) ?? 0;
      if (before >= (rule.times ?? 1)) continue;
      struck.set(key, before + 1);
      return rule.fault;
    }
    return undefined;
  };
}

/**
 * Reads a fault from the command line: `429:retry-after=2`, `reset:times=3`, `html:always`, `500:pages`.
 * `pages` spares the probes of one or two records.
 *
 * @throws ExportError `RequestError` saying what is allowed
 */
export function parseFault(text: string): FaultRule {
  const [kind = '', ...options] = text.split(':');
  const known = (FAULT_KINDS as readonly string[]).includes(kind);
  const status = /^[1-5]\d\d$/.test(kind) ? Number(kind) : undefined;
  if (!known && status === undefined) throw unusable(text);
  let retryAfter: string | undefined;
  let times: number | undefined;
  let minPageSize: number | undefined;
  for (const option of options) {
    const [key, value = ''] = option.split('=');
    if (key === 'always' && value === '') times = Number.POSITIVE_INFINITY;
    else if (key === 'pages' && value === '') minPageSize = 3;
    else if (key === 'times' && /^\d+$/.test(value)) times = Number(value);
    else if (key === 'retry-after' && status !== undefined && value !== '') retryAfter = value;
    else throw unusable(text);
  }
  const fault =
    status === undefined ? (kind as FaultKind) : { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  return { fault, ...(times === undefined ? {} : { times }), ...(minPageSize === undefined ? {} : { minPageSize }) };
}

function unusable(text: string): ExportError {
  return new ExportError(
    'RequestError',
    `The fault ${JSON.stringify(text)} is unknown: a status code or ${FAULT_KINDS.join(', ')} is needed, then :times=N, :always, :pages or (with a status code) :retry-after=SECONDS.`,
  );
}
