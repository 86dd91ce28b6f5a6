import { describe, expect, it } from 'vitest';
import type { AccountsApi } from '../../../functions/export/ports.ts';
import { Source } from '../../../functions/export/source/source.ts';
import { formatForRun } from '../../../functions/formats/format-for-run.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { addUsage, NO_USAGE } from '../../../functions/model/usage.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { plannedRun } from '../planned-run.ts';

describe('addUsage', () => {
  it('adds up cause by cause and changes neither side', () => {
    const a = { apiRequests: 3, recordsFetched: 20, retries: { '429': 1, connection: 2 } };
    const b = { apiRequests: 4, recordsFetched: 5, retries: { '5xx': 1, connection: 5 } };
    expect(addUsage(a, b)).toEqual({
      apiRequests: 7,
      recordsFetched: 25,
      retries: { '429': 1, '5xx': 1, connection: 7 },
    });
    expect(a.retries).toEqual({ '429': 1, connection: 2 });
    expect(b.retries).toEqual({ '5xx': 1, connection: 5 });
  });
});

describe('Source', () => {
  const run = plannedRun({ parameters: { pageSize: 10, filter: 'EMEA', start: 1, end: 2 } });

  it('sends every request with the parameters that the plan pinned', async () => {
    const { api, queries } = arrayApi({ list: accounts(25) });
    const source = new Source(api, run, formatForRun(run).decode);
    expect((await source.page(2)).value.records).toBe(5);
    expect((await source.probe(3, 3)).names).toEqual(['account 9', 'account 10', 'account 11']);
    expect([await source.exists(24), await source.exists(25)]).toEqual([true, false]);
    const pinned = { datasetId: 'engage', endpoint: 'json', filter: 'EMEA', start: 1, end: 2 };
    const asked = [
      [10, 2],
      [3, 3],
      [1, 24],
      [1, 25],
    ].map(([pageSize, page]) => ({ ...pinned, pageSize, page }));
    expect(queries).toEqual(asked);
  });

  it('counts the usage of failed calls, too, and the median latency', async () => {
    const usage = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
    const { api } = arrayApi({ list: accounts(25) }, (_query, nth) => {
      if (nth === 2) throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage });
    });
    const latencies = [5, 90_000, 7];
    const timed: AccountsApi = {
      ...api,
      fetchPage: async (...query) => ({ ...(await api.fetchPage(...query)), latencyMs: latencies.shift() ?? 0 }),
    };
    const source = new Source(timed, run, formatForRun(run).decode);
    expect([source.usage, source.medianLatencyMs]).toEqual([NO_USAGE, 0]);
    await source.page(0);
    await expect(source.page(1)).rejects.toThrow('502');
    for (const page of [1, 2]) await source.page(page);
    expect(source.usage).toEqual({ apiRequests: 7, recordsFetched: 45, retries: { '5xx': 3 } });
    expect(source.medianLatencyMs).toBe(7);
  });
});
