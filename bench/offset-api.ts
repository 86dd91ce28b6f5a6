/** An in-memory API that generates accounts on demand. */
import type { AccountsApi } from '../functions/export/ports.ts';
import type { PageQuery } from '../functions/model/run.ts';
import { plannedRun } from '../test/export/planned-run.ts';

/** The name of the account at an offset. */
export function nameAt(offset: number): string {
  return `Account ${offset}`;
}

/** The API of the run that is published. */
const API_HOST = plannedRun().apiHost;

export interface ApiUsage {
  requests: number;
  records: number;
}

/** @param accounts their number, which never changes */
export function offsetApi(accounts: number): { readonly api: AccountsApi; readonly used: ApiUsage } {
  const used: ApiUsage = { requests: 0, records: 0 };
  const api: AccountsApi = {
    host: API_HOST,
    async fetchPage(query, decode) {
      const value = decode(bodyOf(accounts, query));
      used.requests++;
      used.records += value.records;
      return { value, usage: { apiRequests: 1, recordsFetched: value.records, retries: {} }, latencyMs: 0 };
    },
  };
  return { api, used };
}

function bodyOf(accounts: number, { page, pageSize }: PageQuery): Buffer {
  const from = Math.min(page * pageSize, accounts);
  const length = Math.min(pageSize, accounts - from);
  return Buffer.from(JSON.stringify(Array.from({ length }, (_, i) => ({ name: nameAt(from + i) }))));
}
