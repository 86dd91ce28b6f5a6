/** What a plan pins, what it refuses, and what it says of itself. */
import { describe, expect, it } from 'vitest';
import { planExport } from '../../../functions/export/plan/plan-export.ts';
import type { AccountsApi } from '../../../functions/export/ports.ts';
import { ExportSettingsSchema } from '../../../functions/model/export-settings.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { runSteps } from '../../support/run-steps.ts';
import { setUp } from '../../support/stepped-run.ts';

const STARTED_AT = '2026-08-22T02:00:00.000Z';

/** A CSV API of 25 accounts whose header and last character a test may choose. */
function csvApi(header: string, endOf: (query: { pageSize: number; page: number }) => string = () => '\n') {
  const queries: { pageSize: number; page: number }[] = [];
  const api: AccountsApi = {
    async fetchPage(query, decode, _signal, allowance) {
      await allowance?.take(query.pageSize);
      queries.push(query);
      const offset = query.page * query.pageSize;
      const count = Math.max(0, Math.min(query.pageSize, 25 - offset));
      const width = header.split(',').length;
      const rows = Array.from({ length: count }, (_, i) =>
        [`account ${offset + i}`, ...Array(width - 1).fill('x')].join(),
      );
      const body = header === '' ? '' : [header, ...rows].join('\n') + endOf(query);
      const value = decode(Buffer.from(body));
      allowance?.giveBack(query.pageSize - value.records);
      return { value, apiRequests: 1, recordsFetched: value.records, retries: {}, latencyMs: 1 };
    },
  };
  return { api, queries };
}

const planned = (api: AccountsApi, request: object = {}) =>
  runSteps(api, memoryStore().store).plan({ format: 'csv', ...request });

describe('the header of a CSV run', () => {
  it('is what the table declares, then whatever else the API sends, sorted', async () => {
    const { run } = await planned(csvApi('name,zeta,industry,alpha').api, { attributeColumns: ['industry'] });
    const { columns = [], tableColumns } = run.csv ?? {};
    expect(columns.slice(0, tableColumns).at(-1)).toBe('industry');
    expect(columns.slice(tableColumns)).toEqual(['alpha', 'zeta']);
  });

  it('declares the attribute columns of all configured CSV exports, and of none that only a request names', async () => {
    const configured = ExportSettingsSchema.parse({
      name: 'configured',
      datasetId: 'engage',
      format: 'csv',
      attributeColumns: ['industry'],
    });
    const event = {
      runId: 'run-1',
      execution: 'execution',
      startedAt: STARTED_AT,
      request: { datasetId: 'engage', format: 'csv', pageSize: 10, attributeColumns: ['region'] },
      exports: [configured],
      concurrency: 8,
    };
    const { api } = csvApi('name,region');
    const { store } = memoryStore();
    const plan = await planExport({ api, store, executions: { isRunning: async () => false } }, event);
    if (!('run' in plan)) throw new Error('a plan was expected');
    const { columns = [], tableColumns } = plan.run.csv ?? {};
    expect(columns.slice(0, tableColumns)).toContain('industry');
    expect(columns.slice(0, tableColumns)).not.toContain('region');
    expect(columns.slice(tableColumns)).toEqual(['region']);
  });

  it('is that of the table alone where the API sends none', async () => {
    const { run } = await planned(csvApi('').api);
    expect(run.csv?.columns).toHaveLength(run.csv?.tableColumns ?? 0);
    expect(run.csv?.finalNewline).toBe(false);
  });

  it('says whether every answer ended in a newline', async () => {
    expect((await planned(csvApi('name').api)).run.csv?.finalNewline).toBe(true);
    expect((await planned(csvApi('name', () => '').api)).run.csv?.finalNewline).toBe(false);
    const first = (query: { pageSize: number }) => (query.pageSize === 2 ? '' : '\n');
    expect((await planned(csvApi('name', first).api)).run.csv?.finalNewline).toBe(false);
    const last = (query: { pageSize: number }) => (query.pageSize === 10 ? '' : '\n');
    expect((await planned(csvApi('name', last).api)).run.csv?.finalNewline).toBe(false);
  });

  it('is refused when the state of the workflow could not hold it', async () => {
    const header = ['name', ...Array.from({ length: 500 }, (_, i) => `${i}`.padStart(80, 'c'))].join();
    await expect(planned(csvApi(header).api)).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message: expect.stringMatching(
        /^The CSV header of \d+ columns is longer than 40000 bytes: export as JSON instead\.$/,
      ),
    });
    const shorter = ['name', ...Array.from({ length: 400 }, (_, i) => `${i}`.padStart(80, 'c'))].join();
    expect((await planned(csvApi(shorter).api)).run.csv?.columns.length).toBeGreaterThan(400);
  });
});

describe('a dry run', () => {
  it('says that it is one, and reckons with the time its probes took', async () => {
    const { api } = arrayApi({ list: accounts(25) });
    let nth = 0;
    const slow: AccountsApi = {
      fetchPage: async (query, decode, signal, allowance) => {
        const latencyMs = [100, 90_000, 2000, 1000, 3000, 5, 4000, 60_000, 6000][nth++ % 9] ?? 0;
        return { ...(await api.fetchPage(query, decode, signal, allowance)), latencyMs };
      },
    };
    const plan = await runSteps(slow, memoryStore().store).dryRun();
    expect(plan).toMatchObject({ dryRun: true, skipped: false, plan: { resumed: false, countedBy: 'offsets' } });
    // Three seconds are the median of a round: so long each round takes, and a page.
    expect(plan.expected.seconds).toBeGreaterThan(5);
    expect(plan.expected.seconds).toBeLessThan(25);
  });

  it('keeps nothing of what it spent when it fails', async () => {
    const { steps, objects } = setUp(25, ({ pageSize }) => {
      if (pageSize === 10) throw new Error('broke off');
    });
    await expect(steps.dryRun()).rejects.toThrow('broke off');
    expect(objects.size).toBe(0);
  });
});

describe('a plan', () => {
  it('says whether it was made now or before, and that its pages are to be exported', async () => {
    const { steps } = setUp(25);
    const first = await steps.plan();
    expect(first).toMatchObject({ dryRun: false, skipped: false, release: false, plan: { resumed: false } });
    expect(await steps.plan()).toMatchObject({ release: false, plan: { resumed: true } });
    await steps.pages(first);
    expect(await steps.release('run-1')).toMatchObject({ release: true, plan: { resumed: true } });
  });

  it('is needed to go on with a run', async () => {
    await expect(setUp(25).steps.resume('run-0')).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'There is no plan of run "run-0" to go on with: it never got that far, or its work has expired. Start a new run.',
    });
  });

  it('keeps its budget where a run goes on with the same one, or says none', async () => {
    const { steps } = setUp(25);
    const { run } = await steps.plan({ maxRecords: 300 });
    expect(await steps.resume('run-1')).toMatchObject({ run: { budget: run.budget, spareFetches: run.spareFetches } });
    expect(await steps.resume('run-1', { maxRecords: 300 })).toMatchObject({ run: { budget: run.budget } });
    expect(await steps.resume('run-1', { maxRecords: 400 })).toMatchObject({ run: { budget: run.budget + 1 } });
  });

  it('refuses an event that is none', async () => {
    const { store } = memoryStore();
    const { api } = arrayApi({ list: [] });
    await expect(planExport({ api, store, executions: { isRunning: async () => false } }, 5)).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^The event of Plan export is unusable: /),
    });
  });

  it('is of an id that no published run has', async () => {
    const { steps, objects } = setUp(25);
    objects.set('export_runs/run_id=run-1/manifest.json', Buffer.from('{}'));
    await expect(steps.plan()).rejects.toMatchObject({ name: 'RequestError' });
  });
});

describe('a run id that was planned for something else', () => {
  const BEFORE = { filter: 'EMEA', segmentId: 's', segmentationId: 't', start: 1000, end: 2000 };

  it.each([
    [{ exportName: 'other' }, 'the export was all and is now other'],
    [{ datasetId: 'other' }, 'the dataset was engage and is now other'],
    [{ format: 'parquet' }, 'the format was json and is now parquet'],
    [{ pageSize: 20 }, 'the page size was 10 and is now 20'],
    // A segment may be one person's, and this sentence is logged.
    [{ filter: 'APAC' }, 'the filter is another one'],
    [{ segmentationId: 'u' }, 'the segmentation is another one'],
    [{ segmentId: 'v' }, 'the segment is another one'],
    [{ start: 1001 }, 'the start was 1000 and is now 1001'],
    [{ end: 2001 }, 'the end was 2000 and is now 2001'],
    [
      { dueAt: '2026-08-20T00:00:00Z' },
      'the due time was 2026-08-22T02:00:00.000Z and is now 2026-08-20T00:00:00.000Z',
    ],
    [{ pageSize: 20, segmentId: 'v' }, 'the page size was 10 and is now 20; the segment is another one'],
  ])('is refused with what differs: %.80j', async (request, differs) => {
    const { steps } = setUp(25);
    await steps.plan(BEFORE);
    await expect(steps.plan({ ...BEFORE, ...request })).rejects.toMatchObject({
      name: 'RequestError',
      message: `Run "run-1" was planned for something else (${differs}): start it as before, or choose another run id.`,
    });
  });

  it('is not one whose window moved with the day', async () => {
    const { api, store } = setUp(25);
    const planOf = (startedAt: string) =>
      planExport(
        { api, store, executions: { isRunning: async () => false } },
        {
          runId: 'run-1',
          execution: 'e',
          startedAt,
          request: { datasetId: 'engage', window: 'P7D' },
          exports: [],
          concurrency: 8,
        },
      );
    await planOf('2026-08-22T02:00:00.000Z');
    expect(await planOf('2026-08-23T09:00:00.000Z')).toMatchObject({
      plan: { resumed: true },
      run: { dueAt: '2026-08-22T02:00:00.000Z', parameters: { end: 1787364000000 } },
    });
  });
});
