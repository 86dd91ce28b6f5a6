import { readdir } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import type { AccountsApi } from '../../functions/export/ports.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { localRun } from '../support/local-run.ts';
import { memoryStore } from '../support/memory-store.ts';
import { expectWholeCsv, expectWholeJson } from '../support/whole-run.ts';

const TOTALS = [0, 1, 499, 500, 501, 12_431];
describe('a run on one machine', () => {
  it.each(TOTALS)('exports %i accounts as JSON, each once, unchanged', async (accounts) => {
    const { manifest } = await expectWholeJson({ accounts });
    expect(manifest).toMatchObject({
      records: accounts,
      distinctAccounts: accounts,
      pages: Math.max(1, Math.ceil(accounts / 500)),
    });
  });

  it.each(TOTALS)('exports %i accounts as CSV, each once, unchanged', async (accounts) => {
    const { lineBreaks } = await expectWholeCsv({ accounts, shuffleCsvColumns: true });
    if (accounts === 12_431) expect(lineBreaks).toBeGreaterThan(100);
  });

  it('exports CSV whose columns depend on the page', async () => {
    const { simulator } = await expectWholeCsv({ accounts: 60, omitEmptyCsvColumns: true }, 3);
    expect(simulator.requests.length).toBeGreaterThan(20);
  });

  it('exports pages of pretty-printed JSON', async () => {
    await expectWholeJson({ accounts: 1200, pretty: true });
  });

  it.each([{ csvLineEnd: '\r\n' }, { csvFinalNewline: false }] as const)(
    'exports CSV with other line endings: %j',
    async (options) => {
      await expectWholeCsv({ accounts: 1200, ...options });
    },
  );

  it('sends the parameters of a segment export exactly as given', async () => {
    const { outcome, simulator } = await localRun({ accounts: 1000 }, { filter: 'Tier 1 & 2/EMEA + ü%' });
    expect(outcome).toMatchObject({ result: { accounts: 250 } });
    expect(new Set(simulator.requests.map(({ query }) => query.get('filter')))).toEqual(
      new Set(['Tier 1 & 2/EMEA + ü%']),
    );
  });

  it('counts exactly the requests and records that the simulator served', async () => {
    const { simulator, manifest } = await expectWholeJson({ accounts: 1234 });
    expect(manifest.recordsFetched).toBe(simulator.recordsServed());
    expect(manifest.apiRequests).toBe(simulator.requests.length);
  });
});

it('waits for a task as long as it takes', async () => {
  const { api } = arrayApi({ list: accounts(25) });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const slow: AccountsApi = {
      host: api.host,
      async fetchPage(query, ...rest) {
        if (query.pageSize === 10 && query.page === 2) await new Promise((resolve) => setTimeout(resolve, 3_600_000));
        return await api.fetchPage(query, ...rest);
      },
    };
    const { store } = memoryStore();
    const run = runLocal({
      api: slow,
      store,
      catalog: localCatalog(),
      clock: { now: () => Date.parse('2026-08-22T02:00:00Z') },
      runId: 'slow',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
      exports: [],
      concurrency: 2,
      retries: 0,
      signal: new AbortController().signal,
    });
    let ended = false;
    void run.finally(() => {
      ended = true;
    });
    while (!ended) {
      await vi.advanceTimersByTimeAsync(60_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await run).toMatchObject({ outcome: 'published', result: { accounts: 25 } });
  } finally {
    vi.useRealTimers();
  }
});

it('stops when it is interrupted at its first request', async () => {
  const interrupt = new AbortController();
  const { api } = arrayApi({ list: accounts(25) }, () => interrupt.abort(new Error('interrupted')));
  const { store, objects } = memoryStore();
  const request = { exportName: 'all', datasetId: 'engage', pageSize: 10 };
  const run = runLocal({ api, store, runId: 'run-1', request, concurrency: 2, signal: interrupt.signal });
  await expect(run).rejects.toThrow('interrupted');
  expect([...objects.keys()].filter((key) => key.startsWith('accounts_'))).toEqual([]);
});

describe('an API that ignores parameters', () => {
  it('fails at the page itself if there is only one', async () => {
    const { outcome } = await localRun({ accounts: 600, pageSizeCap: 200 }, { pageSize: 1000 });
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { error: 'PageSizeCappedError' } });
  });

  it.each(['asked', 'capped'] as const)(
    'fails and names the page size to use when the API caps it and offsets by the %s size',
    async (capOffsets) => {
      const { outcome, folder } = await localRun({ accounts: 1700, pageSizeCap: 200, capOffsets });
      expect(outcome).toMatchObject({
        outcome: 'failed',
        failure: {
          error: 'PageSizeCappedError',
          cause: expect.stringMatching(
            /^The API caps pages at 200 accounts \(500 requested\): start a new run with pageSize 200\./,
          ),
        },
      });
      expect(await readdir(folder)).not.toContain('export_runs');
    },
  );

  it('fails when the API ignores the page number', async () => {
    const { outcome } = await localRun({ accounts: 1700, ignorePage: true });
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { error: 'PagingError' } });
  });

  it('counts whole pages when page numbers are not offsets, and publishes as unverified', async () => {
    const { manifest } = await expectWholeJson({ accounts: 1700, minPageSize: 10 }, 'unverified');
    expect(manifest.consistency).toMatchObject({ accountsAfter: 1700, boundariesChecked: 0 });
  });

  it('exports every account of data that grows during the run', async () => {
    let grown = 0;
    const { outcome, parts, manifest } = await localRun({
      accounts: 1700,
      onRequest: ({ pageSize }, tenant) => {
        if (pageSize === 500 && grown < 40) tenant.insertAt(tenant.total, 30 + grown++);
      },
    });
    expect(outcome.outcome).toBe('published');
    const names = (await parts())
      .flatMap((text) => text.split('\n').slice(0, -1))
      .map((line) => (JSON.parse(line) as { name: string }).name);
    const { records, distinctAccounts, consistency } = await manifest();
    expect(names).toHaveLength(records);
    expect(distinctAccounts).toBe(consistency.accountsAfter);
    expect(consistency.verdict).toBe('drifted');
  });
});

describe('the fan-out', () => {
  it('never has more requests in flight than allowed', async () => {
    const { simulator } = await localRun({ accounts: 4000, latencyMs: 10 }, {}, 3);
    expect(simulator.maxInFlight()).toBe(3);
  });
});
