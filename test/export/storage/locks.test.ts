/** One run per scheduled time, one running run per export, one execution per run: also when several start in the same millisecond. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from 'vitest';
import { directoryStore } from '../../../cli/local/directory-store.ts';
import { localCatalog } from '../../../cli/local/run-local.ts';
import { s3ObjectStore } from '../../../functions/aws/s3-object-store.ts';
import { planExport } from '../../../functions/export/plan/plan-export.ts';
import type { Executions, ObjectStore } from '../../../functions/export/ports.ts';
import { acquire, type LockHolder } from '../../../functions/export/storage/locks.ts';
import { ExportSettingsSchema } from '../../../functions/model/export-settings.ts';
import type { PlanOutcome, SkippedRun } from '../../../functions/model/outcomes.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { runSteps, STARTED_AT } from '../../support/run-steps.ts';
import { startSmallS3 } from '../../support/small-s3.ts';

const SCHEDULED = { dueAt: '2026-08-22T02:00:00Z', scheduled: true };

/** Executions that run until they are ended. */
function runningExecutions() {
  const ended = new Set<string>();
  const executions: Executions = { isRunning: async (execution) => !ended.has(execution) };
  return { executions, end: (runId: string) => ended.add(`execution of ${runId}`) };
}

const isSkipped = (outcome: PlanOutcome): outcome is SkippedRun => outcome.outcome === 'skipped';

/** Starts runs `run-1` to `run-<count>` at once. */
async function startAtOnce(store: ObjectStore, count: number, request: object) {
  const { api, queries } = arrayApi({ list: accounts(25) });
  const { executions, end } = runningExecutions();
  const ids = Array.from({ length: count }, (_, i) => `run-${i + 1}`);
  const outcomes = await Promise.all(ids.map((id) => runSteps(api, store, id, executions).start(request)));
  const started = outcomes.filter((outcome) => !isSkipped(outcome));
  const as = (runId: string) => runSteps(api, store, runId, executions);
  return { api, queries, executions, end, skipped: outcomes.filter(isSkipped), started, as };
}

const opened: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of opened) await close();
});

async function smallS3Store(): Promise<ObjectStore> {
  const server = await startSmallS3(['exports']);
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new S3Client({ endpoint: server.url, credentials, region: 'us-east-1', forcePathStyle: true });
  opened.push(
    () => client.destroy(),
    () => server.close(),
  );
  return s3ObjectStore({ client, bucket: 'exports' });
}

describe.each<[string, () => Promise<ObjectStore>]>([
  ['memory', async () => memoryStore().store],
  ['a folder', async () => directoryStore(await temporaryFolder())],
  ['S3', smallS3Store],
])('on %s', (_name, newStore) => {
  it.each([
    ['deliveries of one scheduled time', SCHEDULED],
    ['runs of one export', {}],
  ])('one of twenty %s runs, and the others name it', async (_what, request) => {
    const { started, skipped } = await startAtOnce(await newStore(), 20, request);
    expect(started).toHaveLength(1);
    expect(skipped).toHaveLength(19);
    expect(new Set(skipped.map(({ lockedBy }) => lockedBy))).toEqual(new Set([started[0]?.runId]));
  });

  it('one of twenty runs gets the lock of a run that died', async () => {
    const store = await newStore();
    const { as, end } = await startAtOnce(store, 1, {});
    end('run-1');
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => as(`next-${i}`).start()));
    expect(outcomes.filter((outcome) => !isSkipped(outcome))).toHaveLength(1);
  });
});

describe('a skipped run', () => {
  it('sends no request to the API', async () => {
    const { queries } = await startAtOnce(memoryStore().store, 1, SCHEDULED);
    expect((await startAtOnce(memoryStore().store, 20, SCHEDULED)).queries).toHaveLength(queries.length);
  });

  it('names the run that holds the lock, and the reason', async () => {
    const { as } = await startAtOnce(memoryStore().store, 1, SCHEDULED);
    expect(await as('run-2').start(SCHEDULED)).toEqual({
      outcome: 'skipped',
      runId: 'run-2',
      exportName: 'all',
      dueAt: '2026-08-22T02:00:00.000Z',
      lockedBy: 'run-1',
      reason: 'Run "run-1" already handles the scheduled time 2026-08-22T02:00:00.000Z of export "all".',
    });
    expect(await as('run-2').start()).toMatchObject({
      lockedBy: 'run-1',
      reason: 'Run "run-1" of export "all", started 2026-08-22T02:00:00.000Z, is still running.',
    });
  });

  it.each([{}, { overlap: 'allow' }])('is one whose run another execution works on, with %j', async (request) => {
    const { as, end } = await startAtOnce(memoryStore().store, 1, request);
    expect(await as('again').resume('run-1')).toMatchObject({ outcome: 'skipped', lockedBy: 'run-1' });
    expect(await as('again').publishQuarantined('run-1')).toMatchObject({ outcome: 'skipped', lockedBy: 'run-1' });
    end('run-1');
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => as(id).resume('run-1')));
    expect(outcomes.filter((outcome) => !isSkipped(outcome))).toHaveLength(1);
  });

  it('is one that resumes an earlier run while a newer one of the export is running', async () => {
    const { as, end } = await startAtOnce(memoryStore().store, 1, {});
    end('run-1');
    await as('run-2').start();
    expect(await as('run-3').resume('run-1')).toMatchObject({ runId: 'run-3', lockedBy: 'run-2' });
    end('run-2');
    expect(await as('run-3').resume('run-1')).toMatchObject({ runId: 'run-1', pages: 3, plan: { resumed: true } });
  });

  it.each([
    ['the configured export does not allow it', 'all', 'skipped'],
    ['only another export allows it', 'other', 'skipped'],
    ['nothing is configured', 'none', 'skipped'],
    ['the configured export allows it', 'allows', 'exportPages'],
  ])('resumes beside a running run only if its export allows overlap: %s', async (_what, configured, outcome) => {
    const { store } = memoryStore();
    const { api, executions, as, end } = await startAtOnce(store, 1, {});
    end('run-1');
    await as('run-2').start();
    const overlap = configured === 'all' ? 'skip' : 'allow';
    const name = configured === 'other' ? 'other' : 'all';
    const exports = configured === 'none' ? [] : [ExportSettingsSchema.parse({ name, datasetId: 'engage', overlap })];
    const event = {
      runId: 'run-3',
      execution: '3',
      startedAt: STARTED_AT,
      request: { resume: 'run-1' },
      concurrency: 8,
    };
    expect(await planExport({ api, store, catalog: localCatalog(), executions, exports }, event)).toMatchObject({
      outcome,
    });
  });
});

describe('a run is not skipped', () => {
  it('if it is of another export, or of another time of an export whose run has ended', async () => {
    const { as, end } = await startAtOnce(memoryStore().store, 1, SCHEDULED);
    expect(await as('run-2').start({ ...SCHEDULED, exportName: 'other' })).toMatchObject({ outcome: 'exportPages' });
    end('run-1');
    const nextDay = { ...SCHEDULED, dueAt: '2026-08-23T02:00:00Z' };
    expect(await as('run-3').start(nextDay)).toMatchObject({ outcome: 'exportPages' });
  });

  it('if its own execution holds the lock, because a task is retried', async () => {
    const { as } = await startAtOnce(memoryStore().store, 1, SCHEDULED);
    expect(await as('run-1').start(SCHEDULED)).toMatchObject({ outcome: 'exportPages' });
  });

  it('if a person starts it for a time that a schedule had', async () => {
    const { as, end } = await startAtOnce(memoryStore().store, 1, SCHEDULED);
    end('run-1');
    expect(await as('run-2').start({ dueAt: SCHEDULED.dueAt })).toMatchObject({ outcome: 'exportPages' });
  });

  it('if its export allows overlap, except for a scheduled time that another run has', async () => {
    expect((await startAtOnce(memoryStore().store, 20, { overlap: 'allow' })).started).toHaveLength(20);
    expect((await startAtOnce(memoryStore().store, 20, { ...SCHEDULED, overlap: 'allow' })).started).toHaveLength(1);
  });

  it('if it is a dry run', async () => {
    const { as } = await startAtOnce(memoryStore().store, 1, {});
    expect(await as('run-2').dryRun()).toMatchObject({ outcome: 'dryRun' });
  });
});

describe('acquire', () => {
  const arn = (machine: string, name: string) => `arn:aws:states:eu-west-1:1:execution:${machine}:${name}`;
  const holder = (execution: string): LockHolder => ({
    runId: `run of ${execution}`,
    execution,
    startedAt: STARTED_AT,
  });

  /** A store, and executions of which those named are running. */
  function world(running: readonly string[]) {
    const { store, objects } = memoryStore();
    const asked: string[] = [];
    const isRunning = async (execution: string) => {
      asked.push(execution);
      return running.includes(execution);
    };
    const lock = (execution: string, duration?: 'running' | 'forever') =>
      acquire({ store, executions: { isRunning } }, 'work/locks/', holder(execution), duration);
    return { lock, asked, objects, store };
  }

  it('numbers the locks, ignores executions that have ended, and returns the holder', async () => {
    const { lock, objects } = world(['third']);
    for (const execution of ['first', 'second', 'third']) expect(await lock(execution)).toBeUndefined();
    expect([...objects.keys()]).toEqual(['00000001', '00000002', '00000003'].map((n) => `work/locks/${n}.json`));
    expect(await lock('fourth')).toMatchObject(holder('third'));
  });

  it('finds the lock of its own execution again and asks nobody', async () => {
    const { lock, asked, objects } = world([]);
    await lock('first');
    expect(await lock('first')).toBeUndefined();
    expect(objects.size).toBe(1);
    expect(asked).toEqual([]);
  });

  it('keeps a lock forever if it is to', async () => {
    const { lock, asked } = world([]);
    await lock('first', 'forever');
    expect(await lock('second', 'forever')).toMatchObject(holder('first'));
    expect(asked).toEqual([]);
  });

  it('ignores a lock that expires while it is read', async () => {
    const { lock, store } = world(['first']);
    await lock('first');
    store.get = async () => undefined;
    expect(await lock('second')).toBeUndefined();
  });

  it('ignores executions of a state machine that was replaced, without asking about them', async () => {
    const { lock, asked } = world([arn('old', 'a')]);
    await lock(arn('old', 'a'));
    expect(await lock(arn('new', 'b'))).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each([
    [arn('one', 'a'), arn('one', 'b')],
    ['local/1', arn('one', 'b')],
    [arn('one', 'a'), 'local/1'],
    ['local/1', 'local/2'],
  ])('asks about an execution of the same or an unknown state machine: %s, %s', async (first, second) => {
    const { lock, asked } = world([first]);
    await lock(first);
    expect(await lock(second)).toMatchObject(holder(first));
    expect(asked).toEqual([first]);
  });
});
