/** Where reports are written, and that a run ends the same without them. */
import { describe, expect, it, vi } from 'vitest';
import type { PublishedRun, RunToReport } from '../../../functions/export/ports.ts';
import { publishRun } from '../../../functions/export/publish/publish-run.ts';
import { reattachRuns } from '../../../functions/export/publish/reattach.ts';
import { keepReport } from '../../../functions/export/report/keep-report.ts';
import { reportFailure } from '../../../functions/export/report/report-failure.ts';
import { allPublishedRuns } from '../../../functions/export/storage/published-runs.ts';
import { readHistory } from '../../../functions/export/storage/run-history.ts';
import { expireRuns } from '../../../functions/export/upkeep/retention.ts';
import type { PlanResult } from '../../../functions/model/outcomes.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { MANIFEST, setUp, WORK } from '../../support/stepped-run.ts';

const REPORT = 'export_runs/run_id=run-1/_report.html';
const HISTORY = 'work/export_name=all/history.json';

/** Runs of one export, one after the other, each with its report. @param refuse keys that cannot be written */
function exporting(refuse: (key: string) => boolean = () => false) {
  const memory = memoryStore((key) => {
    if (refuse(key)) throw new Error(`Cannot write ${key}`);
  });
  const errors: string[] = [];
  const published: RunToReport[] = [];
  const visible: PublishedRun[] = [];
  const publish = async (
    total: number,
    { run, outcome, execution }: Pick<PlanResult, 'run' | 'execution'> & { outcome: 'exportPages' | 'publishOnly' },
  ) => {
    const ports = {
      api: arrayApi({ list: accounts(total) }).api,
      store: memory.store,
      catalog: {
        check: async () => undefined,
        addRun: async (added: PublishedRun) => void visible.push(added),
        removeRun: async () => undefined,
        isVisible: async () => true,
      },
      clock: { now: () => PUBLISHED_AT + published.length * 60_000 },
      onPublished: (one: RunToReport) => {
        published.push(one);
        return keepReport(memory.store, one, (error) => void errors.push((error as Error).message));
      },
    };
    return publishRun(ports, { run, outcome, execution });
  };
  const run = async (total: number, runId = 'run-1', request: object = {}) => {
    const steps = runSteps(arrayApi({ list: accounts(total) }).api, memory.store, runId);
    const plan = await steps.plan(request);
    await steps.pages(plan);
    return { plan, result: await publish(total, plan) };
  };
  const text = (key: string) => String(memory.objects.get(key) ?? '');
  return { ...memory, errors, visible, publish, run, text };
}

describe('a published run', () => {
  it('has its report next to its manifest, and is added to the history of the export', async () => {
    const { run, text, store, errors } = exporting();
    await run(25);
    expect(text(REPORT)).toContain('<h1>25 accounts, published, consistent.</h1>');
    await run(24, 'run-2', { dueAt: '2026-08-23' });
    expect(text('export_runs/run_id=run-2/_report.html')).toContain('−1 (−4.0%) since 2026-08-22');
    const history = await readHistory(store, 'all');
    expect(history?.runs.map(({ runId, accounts, verdict }) => [runId, accounts, verdict])).toEqual([
      ['run-1', 25, 'consistent'],
      ['run-2', 24, 'consistent'],
    ]);
    expect(errors).toEqual([]);
  });

  it('keeps the last 30 runs in its history', async () => {
    const { run, store } = exporting();
    for (let i = 1; i <= 32; i++)
      await run(5, `run-${i}`, { dueAt: `2026-07-${String((i % 28) + 1).padStart(2, '0')}` });
    const history = await readHistory(store, 'all');
    expect(history?.runs.map(({ runId }) => runId)).toEqual(Array.from({ length: 30 }, (_, i) => `run-${i + 3}`));
  });

  it.each([
    ['its report', REPORT],
    ['its history', HISTORY],
  ])('is published although %s cannot be written', async (_what, key) => {
    const { run, errors, objects, visible } = exporting((one) => one === key);
    expect((await run(25)).result).toMatchObject({ status: 'published', accounts: 25 });
    expect(errors).toEqual([`Cannot write ${key}`]);
    expect(objects.has(MANIFEST)).toBe(true);
    expect(objects.has(key)).toBe(false);
    expect(objects.has(REPORT)).toBe(key !== REPORT);
    expect(visible).toHaveLength(1);
  });

  it('gets a missing report when it is published again, and keeps an existing one', async () => {
    const { run, publish, objects, puts, text } = exporting();
    const { plan } = await run(25);
    const first = text(REPORT);
    const before = puts.length;
    await publish(25, plan);
    expect(puts).toHaveLength(before);
    objects.delete(REPORT);
    await publish(25, plan);
    expect(text(REPORT)).toBe(first);
    expect((JSON.parse(text(HISTORY)) as { runs: object[] }).runs).toHaveLength(1);
  });

  it.each([
    ['its first execution', 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport:run-1', 0, false],
    ['an execution that resumed it', 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport:r-2', 0, true],
    ['one execution on a machine', 'host/1/a', 1, false],
    ['two executions on a machine', 'host/1/a', 2, true],
  ])('by %s says whether its duration includes pauses', async (_what, execution, locks, isResumed) => {
    const { run, publish, objects, text } = exporting();
    const { plan } = await run(25);
    for (let i = 1; i <= locks; i++) objects.set(`work/run_id=run-1/locks/0000000${i}.json`, Buffer.from('{}'));
    objects.delete(REPORT);
    await publish(25, { ...plan, execution });
    expect(text(REPORT).includes('including pauses')).toBe(isResumed);
  });

  it('compares with the last manifest when the history is missing or damaged', async () => {
    const { run, objects, text } = exporting();
    await run(20);
    objects.set(HISTORY, Buffer.from('{"version":'));
    await run(25, 'run-2', { dueAt: '2026-08-23' });
    expect(text('export_runs/run_id=run-2/_report.html')).toContain('+5 (+25.0%) since 2026-08-22');
    expect((JSON.parse(text(HISTORY)) as { runs: object[] }).runs).toHaveLength(2);
  });

  it('is listed, reattached and removed with its report', async () => {
    const { run, store, objects } = exporting();
    await run(25);
    await run(25, 'run-2', { dueAt: '2026-08-23' });
    expect((await allPublishedRuns(store)).map(({ runId }) => runId)).toEqual(['run-1', 'run-2']);
    const catalog = { missingRuns: async <T>(runs: readonly T[]) => [...runs], addMissingRuns: vi.fn() };
    expect(await reattachRuns({ store, catalog }, false)).toMatchObject({ runs: 2, incomplete: [] });
    await expireRuns(
      {
        store,
        catalog: { removeRun: async () => undefined, isVisible: async () => true } as never,
        clock: { now: () => PUBLISHED_AT + 400 * 86_400_000 },
      },
      30,
    );
    expect([...objects.keys()].filter((key) => key.includes('run-1') && !key.startsWith('work/'))).toEqual([]);
    expect(objects.has('export_runs/run_id=run-2/_report.html')).toBe(true);
  });
});

describe('a run that was not published', () => {
  const fail = { runId: 'run-1', execution: 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport:run-1' };
  const commandLine = { program: 'npx account-export', stack: 'AccountExport' };
  const failure = { Error: 'States.ExceedToleratedFailureThreshold', Cause: '' };

  it('has a report below work/ that says why, what is missing, and what to do; the email says how to open it', async () => {
    const { steps, store, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 2] });
    const recorded = { version: 1, task: 1, error: 'ApiCredentialsError', message: 'Page 1 <b>.', attempts: 1 };
    const usage = { apiRequests: 1, recordsFetched: 0, retries: {} };
    objects.set(`${WORK}failures/run-1/00001.json`, Buffer.from(JSON.stringify({ ...recorded, usage })));
    const { message } = await reportFailure({ store, commandLine }, { ...fail, request: {}, failure });
    const page = String(objects.get(`${WORK}_report.html`));
    expect(page).toContain('<h1>Failed: 2 of 3 pages exported and kept.</h1>');
    expect(page).toContain('<strong>ApiCredentialsError</strong>: Page 1 &lt;b&gt;.');
    expect(page).toContain('<code>npx account-export resume run-1</code>');
    expect(page).toContain('Missing pages: 1 ');
    expect(page).toContain('<dd class="value">15</dd><dd>25 planned</dd>');
    expect(message).toContain('\n\nReport: npx account-export report run-1 --stack\n');
  });

  it('that was quarantined shows its verification and how to publish it', async () => {
    const { run, store, text } = exporting();
    await run(25);
    const request = { dueAt: '2026-08-23', maxDropPercent: 10 };
    await expect(run(20, 'run-2', request)).rejects.toMatchObject({ name: 'QuarantinedError' });
    const caught = { Error: 'QuarantinedError', Cause: 'Run "run-2" is quarantined.' };
    await reportFailure({ store }, { runId: 'run-2', execution: 'local', request: {}, failure: caught });
    const page = text('work/run_id=run-2/_report.html');
    expect(page).toContain('<h1>20 accounts, quarantined, not published.</h1>');
    expect(page).toContain('! large drop');
    expect(page).toContain('20.0% fewer accounts than in the last published run; maxDropPercent allows 10%');
    expect(page).toMatch(/<code>[^<]+ publish run-2 --out memory\/<\/code>/);
    expect(page).toContain('a run with fewer than 23 accounts is quarantined');
    expect(text('export_runs/run_id=run-2/_report.html')).toBe('');
  });

  it('is reported although its report cannot be written, and then the email does not mention it', async () => {
    const { store } = memoryStore((key) => {
      if (key.endsWith('.html')) throw new Error('no');
    });
    const steps = runSteps(arrayApi({ list: accounts(25) }).api, store);
    await steps.plan();
    const { message, error } = await reportFailure({ store, commandLine }, { ...fail, request: {}, failure });
    expect(error).toBe('RunIncompleteError');
    expect(message).not.toContain('Report:');
  });

  it('has none if it was never planned', async () => {
    const { store, objects } = memoryStore();
    await reportFailure({ store, commandLine }, { ...fail, request: {}, failure });
    expect([...objects.keys()]).toEqual([]);
  });

  it('that has very many pages is described by some of them', async () => {
    const { steps, store, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const receipt = JSON.parse(String(objects.get(`${WORK}receipts/00000.json`)));
    for (let page = 1; page < 2_500; page++) {
      const key = `${WORK}receipts/${String(page).padStart(5, '0')}.json`;
      objects.set(key, Buffer.from(JSON.stringify({ ...receipt, page })));
    }
    const reads = vi.spyOn(store, 'get');
    await reportFailure({ store, commandLine }, { ...fail, request: {}, failure });
    expect(reads.mock.calls.filter(([key]) => key.includes('/receipts/'))).toHaveLength(1_000);
    expect(String(objects.get(`${WORK}_report.html`))).toContain(
      'From the receipts of 1,000 of 2,500 pages, evenly spread.',
    );
  });
});
