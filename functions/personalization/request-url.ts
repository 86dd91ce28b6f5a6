import { ExportError } from '../model/errors.ts';
import type { PageQuery } from '../model/run.ts';

/** One label of a host name (RFC 1123). Anything else could send the key to another host. */
export const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

export const DNS_LABEL_RULE =
  'use one part of the host name, of up to 63 letters, digits and hyphens, with no hyphen at the start or end; in acme.us-5.evergage.com, acme is the account name and us-5 is the instance';

/**
 * `https://<accountName>.<instance>.evergage.com`: the address of a tenant. Evergage is the former name of Personalization.
 * @throws ExportError `ConfigError` if a part is not a DNS label
 */
export function evergageBaseUrl(accountName: string, instance: string): string {
  for (const [key, value] of Object.entries({ accountName, instance })) {
    if (DNS_LABEL.test(value)) continue;
    throw new ExportError('ConfigError', `Invalid ${key} (${JSON.stringify(value.slice(0, 60))}): ${DNS_LABEL_RULE}.`);
  }
  return `https://${accountName.toLowerCase()}.${instance.toLowerCase()}.evergage.com`;
}

/** Query parameters in the order sent. */
const PARAMETERS = ['filter', 'start', 'end', 'segmentationId', 'segmentId', 'pageSize', 'page'] as const;

/**
 * The path and query of one page. A space is `%20` and a plus is `%2B`, because servers disagree about `+` in a query.
 *
 * @throws ExportError `RequestError` for an invalid page or page size: without them the API would return all accounts
 */
export function pagePath(query: PageQuery): string {
  if (
    !Number.isSafeInteger(query.pageSize) ||
    query.pageSize < 1 ||
    !Number.isSafeInteger(query.page) ||
    query.page < 0
  ) {
    throw new ExportError(
      'RequestError',
      `Invalid page request (page ${query.page}, pageSize ${query.pageSize}): page must be an integer of 0 or more, and pageSize of 1 or more.`,
    );
  }
  const parameters = sentParameters(query).map((key) => `${key}=${encode(key, String(query[key]))}`);
  return `/api/dataset/${encode('datasetId', query.datasetId)}/accounts.${query.endpoint}?${parameters.join('&')}`;
}

/** The names of the parameters that a query sends. */
export function sentParameters(query: PageQuery): (typeof PARAMETERS)[number][] {
  return PARAMETERS.filter((key) => query[key] !== undefined);
}

function encode(key: string, value: string): string {
  // Otherwise encodeURIComponent throws a URIError.
  if (!value.isWellFormed()) {
    throw new ExportError(
      'RequestError',
      `Invalid ${key}: it contains a damaged character (unpaired Unicode surrogate). Retype the value.`,
    );
  }
  return encodeURIComponent(value);
}
