/** What a plan pins, what it refuses, and what a dry run says. */
import { describe, expect, it } from 'vitest';
import { localCatalog } from '../../../cli/local/run-local.ts';
import { planExport } from '../../../functions/export/plan/plan-export.ts';
import type { AccountsApi, Catalog } from '../../../functions/export/ports.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { ExportSettingsSchema } from '../../../functions/model/export-settings.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { ALONE, runSteps, STARTED_AT } from '../../support/run-steps.ts';
import { manifestIn, setUp, WORK } from '../../support/stepped-run.ts';

const withHost = (api: AccountsApi, host: string): AccountsApi => ({ ...api, host });
const eventOf = (request: object, more: object = {}) => ({
  runId: 'run-1',
  execution: 'execution',
  startedAt: STARTED_AT,
  request: { datasetId: 'engage', pageSize: 10, ...request },
  concurrency: 8,
  ...more,
});

describe('planning', () => {
  it('makes the same plan for the same run without a request', async () => {
    const { steps, source, queries } = setUp(25);
    const first = await steps.plan();
    expect(first).toMatchObject({ outcome: 'exportPages', accounts: 25, pages: 3, pageNumbers: [0, 1, 2] });
    const asked = queries.length;
    source.list.push(account('late'));
    expect(await steps.plan()).toEqual({ ...first, plan: { ...first.plan, resumed: true } });
    expect(queries).toHaveLength(asked);
  });

  it('refuses more than 30,000 pages and names the page size to use', async () => {
    const { steps, pageFetches } = setUp(60_001);
    await expect(steps.plan({ pageSize: 2 })).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message:
        'Too many pages for one run (30001 pages of 2 accounts, maximum 30000): start a new run with pageSize 100 or more.',
    });
    expect(pageFetches(2)).toEqual([30_000, 30_001]);
  });

  it('refuses more than 10,000 pages whose boundaries are all checked', async () => {
    const { steps } = setUp(20_001);
    await expect(steps.plan({ pageSize: 2, boundaryChecks: 'all' })).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message:
        'Too many pages for one run (10001 pages of 2 accounts, maximum 10000 if boundaryChecks is "all"): start a new run with pageSize 100 or more, or with boundaryChecks "sample".',
    });
    expect(await steps.plan({ pageSize: 3, boundaryChecks: 'all' })).toMatchObject({ run: { boundaryChecks: 'all' } });
  });

  it('starts from the number of the newest published run', async () => {
    const { steps, api, store, source } = setUp(4000);
    await steps.all({ pageSize: 500, dueAt: '2026-08-20' });
    source.list.splice(3000);
    await runSteps(api, store, 'run-2').all({ pageSize: 500, dueAt: '2026-08-21' });
    const next = await runSteps(api, store, 'run-3').plan({ pageSize: 500, dueAt: '2026-08-22' });
    expect(next).toMatchObject({ accounts: 3000, plan: { rounds: 1, recordsFetched: 5 } });
  });

  it('keeps the state of 30,000 pages below 256 KiB with the longest texts allowed', async () => {
    const text = 'ü'.repeat(1000);
    const plan = await setUp(30_000).steps.plan({ pageSize: 1, filter: text, segmentId: text, segmentationId: text });
    expect(plan.pageNumbers).toHaveLength(30_000);
    expect(Buffer.byteLength(JSON.stringify(plan))).toBeLessThan(256 * 1024 - 45_000);
  });

  it('counts by offsets although the first accounts change places while it checks that', async () => {
    const { steps, source } = setUp(25, (_query, nth) => {
      if (nth <= 6) source.list.unshift(...source.list.splice(2, 1));
    });
    expect((await steps.plan()).run.countedBy).toBe('offsets');
  });

  it('refuses an invalid event', async () => {
    const { api, store } = setUp(0);
    await expect(
      planExport({ api, store, catalog: localCatalog(), executions: ALONE, exports: [] }, 5),
    ).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^Invalid event of Plan export: /),
    });
  });
});

describe('resuming', () => {
  it('needs a plan', async () => {
    for (const [attempt, verb] of [
      [setUp(25).steps.resume('run-0'), 'resume'],
      [setUp(25).steps.publishQuarantined('run-0'), 'publish'],
    ] as const) {
      await expect(attempt).rejects.toMatchObject({
        name: 'RequestError',
        message: `Cannot ${verb} run "run-0" (no plan in memory/): the run failed before it was planned, or its plan has expired. Check the run id and the stack or folder, or start a new run.`,
      });
    }
  });

  it('keeps the record budget unless another one is given', async () => {
    const { steps } = setUp(25);
    const { run } = await steps.plan({ maxRecords: 300 });
    expect((await steps.resume('run-1')).run).toEqual(run);
    expect((await steps.resume('run-1', { maxRecords: 300 })).run).toEqual(run);
    expect((await steps.resume('run-1', { maxRecords: 400 })).run.ticketLimit).toBe((run.ticketLimit ?? 0) + 10);
  });

  it.each([
    [
      'by its id',
      (api: AccountsApi, store: ReturnType<typeof memoryStore>['store']) =>
        runSteps(api, store, 'again').resume('run-1'),
    ],
    [
      'by starting it again',
      (api: AccountsApi, store: ReturnType<typeof memoryStore>['store']) => runSteps(api, store).plan(),
    ],
  ])('refuses another host %s', async (_how, resumed) => {
    const { api, store, steps, queries } = setUp(25);
    await steps.plan();
    const asked = queries.length;
    await expect(resumed(withHost(api, 'other.us-5.evergage.com'), store)).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'Run "run-1" was planned for another host (acme.us-5.evergage.com, not other.us-5.evergage.com): resume it with the settings for acme.us-5.evergage.com, or start a new run.',
    });
    expect(queries).toHaveLength(asked);
  });

  it('only publishes a published run again, and fetches nothing', async () => {
    const { steps, queries, objects } = setUp(25);
    await steps.all();
    const [asked, before] = [queries.length, new Map(objects)];
    // As the documented erasure does: a part of the published run is changed.
    const part = [...objects.keys()].find((key) => key.endsWith('part-00001.json.gz')) ?? '';
    objects.set(part, Buffer.from('erased'));
    for (const plan of [await steps.plan(), await steps.resume('run-1')]) {
      expect(plan.outcome).toBe('publishOnly');
      await steps.publish(plan);
    }
    expect(queries).toHaveLength(asked);
    expect(objects).toEqual(new Map([...before, [part, Buffer.from('erased')]]));
  });

  it('notices that another execution published the run before it got the lock', async () => {
    const { api, store, steps } = setUp(25);
    const plan = await steps.plan();
    const { list } = store;
    let published = false;
    const slow: typeof store = {
      ...store,
      list: async (prefix) => {
        if (prefix === `${WORK}locks/` && !published) {
          published = true;
          await steps.pages(plan);
          await steps.publish(plan);
        }
        return list(prefix);
      },
    };
    expect(await runSteps(api, slow, 'late').resume('run-1')).toMatchObject({ outcome: 'publishOnly' });
    expect(await runSteps(api, slow).plan()).toMatchObject({ outcome: 'publishOnly' });
    expect(published).toBe(true);
  });

  it('refuses the id of a published run whose work has expired', async () => {
    const { steps, objects } = setUp(25);
    await steps.all();
    for (const key of objects.keys()) if (key.startsWith('work/')) objects.delete(key);
    await expect(steps.plan()).rejects.toMatchObject({
      name: 'RequestError',
      message: 'Run "run-1" is already published: choose another run id.',
    });
  });
});

describe('an export', () => {
  it('belongs to one host', async () => {
    const { api, store, steps } = setUp(25);
    await steps.all();
    const other = withHost(api, 'other.us-5.evergage.com');
    await expect(runSteps(other, store, 'run-2').plan()).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'Export "all" in memory/ already has data from another host (acme.us-5.evergage.com, not other.us-5.evergage.com): use another export name. If the tenant moved, delete work/export_name=all/locks/host.json.',
    });
    const silent = withHost(
      arrayApi({ list: [] }, () => {
        throw new Error('no request is expected');
      }).api,
      'other.us-5.evergage.com',
    );
    await expect(runSteps(silent, store, 'run-2').plan()).rejects.toMatchObject({ name: 'RequestError' });
    expect(await runSteps(other, store, 'run-2').plan({ exportName: 'other' })).toMatchObject({ pages: 3 });
    expect(await runSteps(api, store, 'run-3').plan()).toMatchObject({ pages: 3 });
  });

  it('does not belong to a host that never answered', async () => {
    const { api, store, steps } = setUp(25);
    const unreachable = arrayApi({ list: [] }, () => {
      throw new ExportError('ApiConnectionError', 'host name not found');
    }).api;
    const typo = withHost(unreachable, 'acmee.us-5.evergage.com');
    await expect(runSteps(typo, store, 'run-0').plan()).rejects.toMatchObject({ name: 'ApiConnectionError' });
    expect(await steps.plan()).toMatchObject({ pages: 3 });
    await expect(runSteps(withHost(api, 'late.us-5.evergage.com'), store, 'run-2').plan()).rejects.toMatchObject({
      name: 'RequestError',
    });
  });
});

describe('a run id that was planned with other parameters', () => {
  const BEFORE = { filter: 'EMEA', segmentId: 's', segmentationId: 't', start: 1000, end: 2000 };

  it.each([
    [{ exportName: 'other' }, 'exportName was all, now other'],
    [{ datasetId: 'other' }, 'datasetId was engage, now other'],
    [{ format: 'parquet' }, 'format was json, now parquet'],
    [{ compression: 'zstd' }, 'compression was gzip, now zstd'],
    [{ pageSize: 20 }, 'pageSize was 10, now 20'],
    // The name of a segment may identify a person, and this sentence is logged.
    [{ filter: 'APAC' }, 'filter differs'],
    [{ segmentationId: 'u' }, 'segmentationId differs'],
    [{ segmentId: 'v' }, 'segmentId differs'],
    [{ start: 1001 }, 'start was 1000, now 1001'],
    [{ end: 2001 }, 'end was 2000, now 2001'],
    [{ dueAt: '2026-08-20T00:00:00Z' }, 'dueAt was 2026-08-22T02:00:00.000Z, now 2026-08-20T00:00:00.000Z'],
    [{ pageSize: 20, segmentId: 'v' }, 'pageSize was 10, now 20; segmentId differs'],
  ])('is refused with what differs: %.80j', async (request, differs) => {
    const { steps } = setUp(25);
    await steps.plan(BEFORE);
    await expect(steps.plan({ ...BEFORE, ...request })).rejects.toMatchObject({
      name: 'RequestError',
      message: `Run "run-1" was planned with other parameters (${differs}): resume it with its original parameters, or choose another run id.`,
    });
  });

  it('is not one whose window moved with the day', async () => {
    const { api, store } = setUp(25);
    const planAt = (startedAt: string) =>
      planExport(
        { api, store, catalog: localCatalog(), executions: ALONE, exports: [] },
        eventOf({ window: 'P7D' }, { startedAt }),
      );
    await planAt(STARTED_AT);
    expect(await planAt('2026-08-23T09:00:00.000Z')).toMatchObject({
      plan: { resumed: true },
      run: { dueAt: STARTED_AT, parameters: { end: 1787364000000 } },
    });
  });
});

describe('a dry run', () => {
  it('writes nothing, even if it fails', async () => {
    const { steps, objects } = setUp(25);
    expect(await steps.dryRun()).toMatchObject({
      outcome: 'dryRun',
      accounts: 25,
      pages: 3,
      pageSize: 10,
      plan: { resumed: false, countedBy: 'offsets' },
      estimate: { secondsFrom: 'probes' },
    });
    const failing = setUp(25, ({ pageSize }) => {
      if (pageSize === 10) throw new Error('truncated');
    });
    await expect(failing.steps.dryRun()).rejects.toThrow('truncated');
    expect([...objects.keys(), ...failing.objects.keys()]).toEqual([]);
  });

  it('estimates at least the requests and records that the run then needs', async () => {
    const { steps, objects } = setUp(25);
    const { estimate } = await steps.dryRun();
    await steps.all();
    const { apiRequests, recordsFetched } = manifestIn(objects);
    expect(estimate.apiRequests).toBeGreaterThanOrEqual(apiRequests);
    expect(estimate.recordsFetched).toBeGreaterThanOrEqual(recordsFetched);
    expect(estimate.recordsFetched).toBeLessThan(recordsFetched * 3);
  });

  it('estimates the duration from the median of its probes, so that one slow answer changes nothing', async () => {
    const secondsWith = async (slow: number) => {
      const { api, queries } = arrayApi({ list: accounts(25) });
      const timed: AccountsApi = {
        ...api,
        fetchPage: async (...query) => {
          const latencyMs = queries.length === slow ? 600_000 : 2000;
          return { ...(await api.fetchPage(...query)), latencyMs };
        },
      };
      return (await runSteps(timed, memoryStore().store).dryRun()).estimate.seconds;
    };
    const seconds = await Promise.all(Array.from({ length: 20 }, (_, nth) => secondsWith(nth)));
    expect(new Set(seconds).size).toBe(1);
  });
});

describe('the header of a CSV run', () => {
  /** A CSV API of 25 accounts. */
  function csvApi(header: string, endOf: (query: { pageSize: number }) => string = () => '\n'): AccountsApi {
    const { api } = arrayApi({ list: accounts(25) });
    return {
      ...api,
      fetchPage: (query, decode, options) =>
        api.fetchPage(
          query,
          (body) => {
            const width = header.split(',').length;
            const rows = String(body)
              .trimEnd()
              .split('\n')
              .slice(1)
              .map((name) => [name, ...Array(width - 1).fill('x')].join());
            return decode(Buffer.from(header === '' ? '' : [header, ...rows].join('\n') + endOf(query)));
          },
          options,
        ),
    };
  }
  const planned = async (api: AccountsApi, request: object = {}) =>
    (await runSteps(api, memoryStore().store).plan({ format: 'csv', ...request })).run.csv;

  it('is that of the table, then all other columns that the API sends, sorted', async () => {
    const csv = await planned(csvApi('name,zeta,industry,alpha'), { attributeColumns: ['industry'] });
    expect(csv?.columns.slice(0, csv.tableColumns).at(-1)).toBe('industry');
    expect(csv?.columns.slice(csv.tableColumns)).toEqual(['alpha', 'zeta']);
  });

  it('declares the attribute columns of all configured CSV exports, not those that only a request names', async () => {
    const settings = { name: 'configured', datasetId: 'engage', format: 'csv', attributeColumns: ['industry'] };
    const exports = [ExportSettingsSchema.parse(settings)];
    const ports = {
      api: csvApi('name,region'),
      store: memoryStore().store,
      catalog: localCatalog(),
      executions: ALONE,
      exports,
    };
    const plan = await planExport(ports, eventOf({ format: 'csv', attributeColumns: ['region'] }));
    if (plan.outcome !== 'exportPages') throw new Error('expected a plan');
    const { columns = [], tableColumns } = plan.run.csv ?? {};
    expect(columns.slice(0, tableColumns)).toContain('industry');
    expect(columns.slice(0, tableColumns)).not.toContain('region');
    expect(columns.slice(tableColumns)).toEqual(['region']);
  });

  it('is that of the table alone if the API sends none', async () => {
    const csv = await planned(csvApi(''));
    expect(csv?.columns).toHaveLength(csv?.tableColumns ?? 0);
    expect(csv?.finalNewline).toBe(false);
  });

  it.each([
    ['every answer', () => '\n', true],
    ['no answer', () => '', false],
    ['all but the smallest', ({ pageSize }: { pageSize: number }) => (pageSize === 1 ? '' : '\n'), false],
    ['all but the last answer', ({ pageSize }: { pageSize: number }) => (pageSize === 10 ? '' : '\n'), false],
  ])('records whether every answer ends in a newline: %s', async (_what, endOf, finalNewline) => {
    expect((await planned(csvApi('name', endOf)))?.finalNewline).toBe(finalNewline);
  });

  it('is refused if it is too long for the state of the workflow', async () => {
    const headerOf = (columns: number) =>
      ['name', ...Array.from({ length: columns }, (_, i) => `${i}`.padStart(80, 'c'))].join();
    await expect(planned(csvApi(headerOf(500)))).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message: expect.stringMatching(
        /^CSV header of \d+ columns is too long \(\d+ bytes, maximum 40000\): export as JSON instead\.$/,
      ),
    });
    expect((await planned(csvApi(headerOf(400))))?.columns.length).toBeGreaterThan(400);
  });
});

describe('the locks of a run', () => {
  it('are taken before its plan is read', async () => {
    const { steps, store } = setUp(25);
    await steps.plan();
    const order: string[] = [];
    const { get, list } = store;
    store.get = (key) => {
      if (key.startsWith(WORK)) order.push(key);
      return get(key);
    };
    store.list = (prefix) => {
      if (prefix.startsWith(WORK)) order.push(prefix);
      return list(prefix);
    };
    await steps.plan();
    expect(order.indexOf(`${WORK}locks/`)).toBeLessThan(order.indexOf(`${WORK}plan.json`));
  });

  it('include those of its retry, which another execution may have resumed', async () => {
    const { steps, source, api, store, objects, queries } = setUp(25);
    const plan = await steps.plan({ onDrift: 'retry' });
    await steps.pages(plan);
    source.list[9] = account('replaced');
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted' });
    const other = { version: 1, runId: 'other', execution: 'other', startedAt: STARTED_AT };
    objects.set('work/run_id=run-1-retry/locks/00000001.json', Buffer.from(JSON.stringify(other)));
    const before = queries.length;
    const executions = { isRunning: async (execution: string) => execution === 'other' };
    expect(await runSteps(api, store, 'resumed', executions).resume('run-1')).toMatchObject({
      outcome: 'skipped',
      lockedBy: 'other',
    });
    expect(queries).toHaveLength(before);
    // Once that execution has ended, the retry is planned.
    expect(await runSteps(api, store, 'resumed').resume('run-1')).toMatchObject({ runId: 'run-1-retry' });
  });
});

describe('the catalog', () => {
  const denied: Pick<Catalog, 'check'> = {
    check: async (format) => Promise.reject(new ExportError('ConfigError', `No access to the tables of ${format}.`)),
  };

  it.each([
    ['a run', {}],
    ['a dry run', { dryRun: true }],
  ])('is checked before %s sends a request or takes a lock', async (_what, request) => {
    const { api, queries } = arrayApi({ list: accounts(25) });
    const { store, puts } = memoryStore();
    const event = eventOf({ ...request, format: 'csv' });
    await expect(
      planExport({ api, store, catalog: denied, executions: ALONE, exports: [] }, event),
    ).rejects.toMatchObject({
      name: 'ConfigError',
      message: 'No access to the tables of csv.',
    });
    expect([queries, puts]).toEqual([[], []]);
  });

  it('is checked before a run is resumed', async () => {
    const { api, queries } = arrayApi({ list: accounts(25) });
    const { store, puts } = memoryStore();
    await runSteps(api, store).plan();
    const [sent, written] = [queries.length, puts.length];
    const event = eventOf({}, { runId: 'again', request: { resume: 'run-1' } });
    await expect(planExport({ api, store, catalog: denied, executions: ALONE, exports: [] }, event)).rejects.toThrow(
      'No access to the tables of json.',
    );
    expect([queries.length, puts.length]).toEqual([sent, written]);
  });
});
