import type { Fingerprint } from '../../simulator/fingerprint.ts';
import { type CheckedTenant, perAccountMs } from './check-tenant.ts';
import { contentTypeOf, encodingOf } from './responses.ts';

/** What the tenant is like, without any value of an account; `undefined` if no page of accounts was read. */
export function fingerprintOf({ look, responses }: Pick<CheckedTenant, 'look' | 'responses'>): Fingerprint | undefined {
  const sample = look.sample?.value;
  if (sample === undefined || sample.records === 0) return undefined;
  const csv = look.csv?.value;
  const offsets = look.offsets?.value;
  return {
    version: 1,
    accounts: look.count?.value?.accounts ?? null,
    sample: sample.records,
    encoding: encodingOf(responses, sample.requested),
    json: {
      ...contentTypeOf(responses, 'json'),
      byteOrderMark: sample.byteOrderMark,
      fields: [...sample.fields],
    },
    csv:
      csv === undefined || csv.columns.length === 0
        ? null
        : {
            ...contentTypeOf(responses, 'csv'),
            byteOrderMark: csv.byteOrderMark,
            columns: [...csv.columns],
            finalNewline: csv.finalNewline,
            lineEnd: csv.lineEnd,
          },
    paging: {
      order: look.order?.value ?? null,
      offsets: offsets === 'too few accounts' ? null : (offsets ?? null),
      pageSizeCap: look.cap?.value ?? null,
    },
    latency: { requestMs: Math.round(look.requestMs), perAccountMs: Number(perAccountMs(look, sample).toFixed(2)) },
  };
}
