/** Where the API lies and how a page is asked for. */

import { ExportError } from '../model/errors.ts';
import type { PageQuery } from '../model/page-query.ts';

/** One label of a host name (RFC 1123): with it, whoever names an account cannot send the key to another host. */
export const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

export const DNS_LABEL_RULE = 'up to 63 letters, digits and inner hyphens are allowed, as in a host name';

/**
 * `https://<accountName>.<instance>.evergage.com`
 * @throws ExportError `ConfigError` when one of the two is no DNS label
 */
export function evergageBaseUrl(accountName: string, instance: string): string {
  for (const [key, value] of Object.entries({ accountName, instance })) {
    if (DNS_LABEL.test(value)) continue;
    throw new ExportError('ConfigError', `${key} is ${JSON.stringify(value.slice(0, 60))}; ${DNS_LABEL_RULE}.`);
  }
  return `https://${accountName.toLowerCase()}.${instance.toLowerCase()}.evergage.com`;
}

/** The query's keys in the order they are sent. */
const PARAMETERS = ['filter', 'start', 'end', 'segmentationId', 'segmentId', 'pageSize', 'page'] as const;

/**
 * The path and query of one page. Every value reaches the API exactly as given: a blank is `%20` and a plus `%2B`,
 * because a `+` in a query means a blank to some servers and a plus to others.
 *
 * @throws ExportError `RequestError` without a whole page number and size, for the API would answer with everything
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
      `Page ${query.page} of page size ${query.pageSize} cannot be asked for: a page from 0 and a size from 1 are needed.`,
    );
  }
  const parameters = sentParameters(query).map((key) => `${key}=${encode(key, String(query[key]))}`);
  return `/api/dataset/${encode('datasetId', query.datasetId)}/accounts.${query.endpoint}?${parameters.join('&')}`;
}

/** Which parameters a query sends, for error messages: names only. */
export function sentParameters(query: PageQuery): (typeof PARAMETERS)[number][] {
  return PARAMETERS.filter((key) => query[key] !== undefined);
}

function encode(key: string, value: string): string {
  // encodeURIComponent throws a URIError on half of a surrogate pair: no text that could be meant.
  if (!value.isWellFormed()) {
    throw new ExportError('RequestError', `${key} holds half of a Unicode character and cannot be sent.`);
  }
  return encodeURIComponent(value);
}
