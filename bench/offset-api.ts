/** An API in memory whose accounts are numbers: a name each, made when it is asked for, at no cost but the requests. */

import type { AccountsApi } from '../functions/export/ports.ts';
import type { PageQuery } from '../functions/model/page-query.ts';

/** The name of the account at an offset. */
export function nameAt(offset: number): string {
  return `Account ${offset}`;
}

/** What an API was asked for. */
export interface Asked {
  requests: number;
  records: number;
}

/** @param accounts how many there are; they keep still */
export function offsetApi(accounts: number): { readonly api: AccountsApi; readonly asked: Asked } {
  const asked: Asked = { requests: 0, records: 0 };
  const api: AccountsApi = {
    async fetchPage(query, decode) {
      const value = decode(bodyOf(accounts, query));
      asked.requests++;
      asked.records += value.records;
      return { value, apiRequests: 1, recordsFetched: value.records, retries: {}, latencyMs: 0 };
    },
  };
  return { api, asked };
}

function bodyOf(accounts: number, { page, pageSize }: PageQuery): Buffer {
  const from = Math.min(page * pageSize, accounts);
  const length = Math.min(pageSize, accounts - from);
  return Buffer.from(JSON.stringify(Array.from({ length }, (_, i) => ({ name: nameAt(from + i) }))));
}
