import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExportError } from '../../functions/model/errors.ts';
import { addUsage } from '../../functions/model/usage.ts';
import { accounts } from '../support/array-api.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { MANIFEST, manifestIn, namesIn, PARTS, setUp } from '../support/stepped-run.ts';

describe('a run', () => {
  it('exports every account once, for any total and page size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(120), fc.integer({ min: 1, max: 40 }), async (total, pageSize) => {
        const { steps, objects } = setUp(total);
        await steps.all({ pageSize });
        expect(namesIn(objects)).toEqual(Array.from({ length: total }, (_, i) => `account ${i}`));
        expect(manifestIn(objects).consistency.verdict).toBe('consistent');
      }),
      { numRuns: propertyRuns(30, 300) },
    );
  });

  it('publishes an empty export: one empty part and a manifest', async () => {
    const { steps, objects } = setUp(0);
    expect(await steps.all()).toMatchObject({ accounts: 0, pages: 1, verdict: 'consistent' });
    expect(gunzipSync(objects.get(`${PARTS}part-00000.json.gz`) ?? '').toString()).toBe('');
  });

  it('writes the manifest last, then adds the partition', async () => {
    const { steps, puts } = setUp(25);
    await steps.all();
    expect(puts.at(-1)).toBe(MANIFEST);
    expect(steps.partitions).toEqual([
      {
        format: 'json',
        exportName: 'all',
        exportDate: '2026-08-22',
        runId: 'run-1',
        publishedAt: '2026-08-22T02:01:30.000Z',
        csvColumns: undefined,
      },
    ]);
  });

  it('is described by a manifest of one line', async () => {
    const { steps, objects, queries } = setUp(25);
    await steps.all({ window: 'P7D', filter: 'EMEA' });
    const manifest = manifestIn(objects);
    expect(manifest).toMatchObject({
      version: 1,
      runId: 'run-1',
      exportName: 'all',
      datasetId: 'engage',
      format: 'json',
      parameters: { filter: 'EMEA', start: 1786759200000, end: 1787364000000, pageSize: 10 },
      dueAt: '2026-08-22T02:00:00.000Z',
      startedAt: '2026-08-22T02:00:00.000Z',
      publishedAt: '2026-08-22T02:01:30.000Z',
      pages: 3,
      records: 25,
      distinctAccounts: 25,
      duplicates: 0,
      plannedRecords: 25,
      retries: 0,
      consistency: {
        verdict: 'consistent',
        accountsBefore: 25,
        accountsAfter: 25,
        boundariesChecked: 4,
        boundariesMoved: 0,
      },
      unmappedColumns: [],
      escapedLineBreaks: 0,
    });
    expect(manifest.parts.map(({ page, records }) => [page, records])).toEqual([
      [0, 10],
      [1, 10],
      [2, 5],
    ]);
    expect(manifest.apiRequests).toBe(queries.length);
    expect(String(objects.get(MANIFEST)).split('\n')).toHaveLength(2);
  });

  it('counts every record that it fetched, probes included', async () => {
    let served = 0;
    const { steps, objects } = setUp(25, ({ page, pageSize }) => {
      served += Math.max(0, Math.min(pageSize, 25 - page * pageSize));
    });
    await steps.all();
    expect(manifestIn(objects).recordsFetched).toBe(served);
  });

  it('measures every request once: of planning, pages, the tail, checks, and dry runs', async () => {
    const { steps, objects, queries, source } = setUp(25);
    await steps.dryRun();
    const dry = queries.length;
    expect(steps.measured).toMatchObject([{ exportName: 'all', usage: { apiRequests: dry } }]);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(...accounts(7, 'late'));
    await steps.publish(plan);
    const total = steps.measured.map(({ usage }) => usage).reduce(addUsage);
    expect(total.apiRequests).toBe(queries.length);
    expect(total.apiRequests - dry).toBe(manifestIn(objects).apiRequests);
    // Only pages have a latency: the dry run, the plan and publishing have none.
    expect(steps.measured.filter(({ latencyMs }) => latencyMs === undefined)).toHaveLength(3);
  });

  it('measures attempts at planning and publishing that fail', async () => {
    let failing = true;
    const usage = { apiRequests: 4, recordsFetched: 0, retries: { '5xx': 3 } };
    const { steps } = setUp(25, () => {
      if (failing) throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage });
    });
    await expect(steps.plan()).rejects.toThrow('502');
    failing = false;
    const plan = await steps.plan();
    await steps.pages(plan);
    failing = true;
    await expect(steps.publish(plan)).rejects.toThrow('502');
    expect(steps.measured.at(0)?.usage.retries).toEqual({ '5xx': 6 });
    expect(steps.measured.at(-1)?.usage.retries['5xx']).toBeGreaterThanOrEqual(3);
  });

  it('sends every request with the window that the plan resolved', async () => {
    const { steps, queries } = setUp(25);
    await steps.all({ window: 'P7D' });
    expect(new Set(queries.map(({ start, end }) => `${start} ${end}`))).toEqual(
      new Set(['1786759200000 1787364000000']),
    );
  });

  it('keeps no account name in its work', async () => {
    const { steps, objects } = setUp(25);
    await steps.all({ maxRecords: 200 });
    const work = [...objects].filter(([key]) => key.startsWith('work/')).map(([, body]) => String(body));
    expect(work.length).toBeGreaterThan(6);
    expect(work.join()).not.toContain('account 1');
  });

  it('gives all CSV parts the header that the plan pinned', async () => {
    const { steps, objects } = setUp(25);
    await steps.all({ format: 'csv', attributeColumns: ['industry'] });
    const parts = [...objects].filter(([key]) => key.endsWith('.csv.gz')).map(([, body]) => String(gunzipSync(body)));
    expect(new Set(parts.map((part) => part.split('\n')[0])).size).toBe(1);
    expect(parts.map((part) => part.trimEnd().split('\n').length - 1)).toEqual([10, 10, 5]);
  });
});
