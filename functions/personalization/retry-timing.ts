/** Response headers. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The wait that a `Retry-After` header asks for, in ms: seconds or an HTTP date (RFC 9110, 10.2.3); 0 for a date in the past;
 * `undefined` for anything else. A date counts from the `Date` of the server, whose clock may differ from ours.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = first(headers['retry-after']);
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = dateOf(value);
  return date === undefined ? undefined : Math.max(0, date - (serverTimeMs(headers) ?? nowMs));
}

/** The clock of the server, in epoch ms of whole seconds; `undefined` without a valid `Date`. */
export function serverTimeMs(headers: Headers): number | undefined {
  return dateOf(first(headers.date));
}

function first(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header[0] : header)?.trim();
}

function dateOf(value: string | undefined): number | undefined {
  if (value === undefined || !/^[A-Za-z]{3}/.test(value)) return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : date;
}

const BASE_MS = 250;
export const MAX_BACKOFF_MS = 4000;

/**
 * Full jitter: from 0 to a bound that doubles with each retry. The cap applies to the bound, not to the random wait: capped
 * waits would all be equal, and concurrent pages would retry at the same moment.
 *
 * @param retry 0 for the first retry
 * @param random from 0 to 1
 */
export function backoffMs(retry: number, random: number): number {
  return random * Math.min(MAX_BACKOFF_MS, BASE_MS * 2 ** retry);
}

/** How far apart the requests start that waited for the same moment. */
const SPREAD_MS = 2000;
/** The same for requests of one process, which start together anyway. The first one finds out for the others. */
const SPREAD_IN_PROCESS_MS = 250;

/**
 * A random wait after a shared one, so that the requests of a run do not all start at the same moment.
 * @param isAlone whether one process sends all requests of the run
 */
export function spreadMs(random: number, isAlone: boolean): number {
  return random * (isAlone ? SPREAD_IN_PROCESS_MS : SPREAD_MS);
}
