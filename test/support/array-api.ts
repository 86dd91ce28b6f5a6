import type { AccountsApi } from '../../functions/export/ports.ts';
import type { PageQuery } from '../../functions/model/run.ts';
import type { Usage } from '../../functions/model/usage.ts';

/** One account as the API would send it: raw JSON text. */
export type RawAccount = string;

export const account = (name: string, more = ''): RawAccount => `{"name":${JSON.stringify(name)}${more}}`;

export const accounts = (total: number, prefix = 'account'): RawAccount[] =>
  Array.from({ length: total }, (_, i) => account(`${prefix} ${i}`));

/**
 * The API over an array that tests may change between requests, with the budget protocol of the real client.
 * `beforeAnswer` runs before each answer; it may change the array, wait, or throw. Its error's `usage` counts.
 */
export function arrayApi(
  source: { list: RawAccount[] },
  beforeAnswer: (query: PageQuery, nth: number) => void | Promise<void> = () => undefined,
) {
  const queries: PageQuery[] = [];
  const api: AccountsApi = {
    host: 'acme.us-5.evergage.com',
    async fetchPage(query, decode, { budget } = {}) {
      await budget?.reserve(query.pageSize);
      queries.push(query);
      try {
        const waiting = beforeAnswer(query, queries.length);
        if (waiting) await waiting;
      } catch (error) {
        budget?.release(query.pageSize - ((error as { usage?: Usage }).usage?.recordsFetched ?? 0));
        throw error;
      }
      const page = source.list.slice(query.page * query.pageSize, (query.page + 1) * query.pageSize);
      const body = query.endpoint === 'json' ? `[${page.join(',')}]` : csvOf(page);
      const value = decode(Buffer.from(body));
      budget?.release(query.pageSize - value.records);
      return { value, usage: { apiRequests: 1, recordsFetched: value.records, retries: {} }, latencyMs: 1 };
    },
  };
  /** Requests for pages of the export itself, not probes. */
  const pageFetches = (pageSize: number) =>
    queries.filter((query) => query.pageSize === pageSize).map(({ page }) => page);
  return { api, queries, pageFetches };
}

function csvOf(page: readonly RawAccount[]): string {
  const rows = page.map((raw) => JSON.stringify((JSON.parse(raw) as { name: string }).name).replaceAll('\\"', '""'));
  return `${['name', ...rows].join('\n')}\n`;
}
