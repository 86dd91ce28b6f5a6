import {
  type FieldProfile,
  type Fingerprint,
  MAX_ACCOUNTS,
  MAX_NAME_LENGTH,
  MAX_NAMES,
} from '../../simulator/fingerprint.ts';
import { type CheckedTenant, perAccountMs } from './check-tenant.ts';
import { contentTypeOf, encodingOf } from './responses.ts';

/**
 * What the tenant is like, without any value of an account; `undefined` if no page of accounts was read. It keeps the limits
 * of `FingerprintSchema`: names that are too long, and names after the maximum number, are left out.
 */
export function fingerprintOf({ look, responses }: Pick<CheckedTenant, 'look' | 'responses'>): Fingerprint | undefined {
  const sample = look.sample?.value;
  if (sample === undefined || sample.records === 0) return undefined;
  const csv = look.csv?.value;
  const columns = savedNames(csv?.columns ?? [], (column) => column);
  const accounts = look.count?.value?.accounts ?? null;
  const offsets = look.offsets?.value;
  return {
    version: 1,
    accounts: accounts !== null && accounts > MAX_ACCOUNTS ? null : accounts,
    sample: sample.records,
    encoding: encodingOf(responses, sample.requested),
    json: {
      ...contentTypeOf(responses, 'json'),
      byteOrderMark: sample.byteOrderMark,
      fields: savedNames(sample.fields, nameOf).map(savedField),
    },
    csv:
      csv === undefined || columns.length === 0
        ? null
        : {
            ...contentTypeOf(responses, 'csv'),
            byteOrderMark: csv.byteOrderMark,
            columns,
            finalNewline: csv.finalNewline,
            lineEnd: csv.lineEnd,
          },
    paging: {
      order: look.order?.value ?? null,
      offsets: offsets === 'too few accounts' ? null : (offsets ?? null),
      pageSizeCap: look.cap?.value ?? null,
    },
    latency: {
      requestMs: Math.max(0, Math.round(look.requestMs)),
      perAccountMs: Number(perAccountMs(look, sample).toFixed(2)),
    },
  };
}

const nameOf = ({ name }: { readonly name: string }) => name;

function savedNames<T>(items: readonly T[], name: (item: T) => string): T[] {
  return items.filter((item) => name(item).length <= MAX_NAME_LENGTH).slice(0, MAX_NAMES);
}

function savedField(field: FieldProfile): FieldProfile {
  if (field.map === undefined) return field;
  return { ...field, map: { ...field.map, members: savedNames(field.map.members, nameOf) } };
}
