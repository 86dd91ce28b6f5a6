/**
 * The wait of a `Retry-After` header in ms: seconds or an HTTP date (RFC 9110, 10.2.3); 0 for a date in the past; `undefined`
 * for anything else.
 */
export function retryAfterMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!/^[A-Za-z]{3}/.test(value)) return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

const BASE_MS = 250;
const CAP_MS = 4000;

/**
 * Full jitter: from 0 to a bound that doubles with each retry. The cap applies to the bound, not to the random wait: capped
 * waits would all be equal, and concurrent pages would retry at the same moment.
 *
 * @param retry 0 for the first retry
 * @param random from 0 to 1
 */
export function backoffMs(retry: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** retry);
}
