/** One run for one tick, and one run of an export at a time: also when several start in the same millisecond. */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, it } from 'vitest';
import { directoryStore } from '../../../cli/local/directory-store.ts';
import { s3ObjectStore } from '../../../functions/aws/s3-object-store.ts';
import type { Executions, ObjectStore } from '../../../functions/export/ports.ts';
import type { PlanOutcome, SkippedRun } from '../../../functions/model/outcomes.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { runSteps } from '../../support/run-steps.ts';
import { startSmallS3 } from '../../support/small-s3.ts';

const TICK = { dueAt: '2026-08-22T02:00:00Z', scheduled: true };

/** Executions that live until they are ended. */
function livingExecutions() {
  const ended = new Set<string>();
  const executions: Executions = { isRunning: async (execution) => !ended.has(execution) };
  return { executions, end: (runId: string) => ended.add(`execution of ${runId}`) };
}

/** Starts runs `run-1` to `run-<count>` at once. */
async function startAtOnce(store: ObjectStore, count: number, request: object) {
  const { api, queries } = arrayApi({ list: accounts(25) });
  const { executions, end } = livingExecutions();
  const ids = Array.from({ length: count }, (_, i) => `run-${i + 1}`);
  const outcomes = await Promise.all(ids.map((id) => runSteps(api, store, id, executions).start(request)));
  const skipped = outcomes.filter((outcome): outcome is SkippedRun => outcome.skipped);
  return { api, queries, executions, end, outcomes, skipped, running: outcomes.filter((outcome) => !outcome.skipped) };
}

const STORES: readonly [string, () => Promise<ObjectStore>][] = [
  ['memory', async () => memoryStore().store],
  ['a folder', async () => directoryStore(await temporaryFolder())],
  ['S3', smallS3Store],
];

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

describe.each(STORES)('on %s', (_name, newStore) => {
  it('makes one run of twenty deliveries of one tick, and says to the others which run has it', async () => {
    const { running, skipped } = await startAtOnce(await newStore(), 20, TICK);
    expect(running).toHaveLength(1);
    expect(new Set(skipped.map(({ yieldsTo }) => yieldsTo))).toEqual(new Set([running[0]?.runId]));
  });

  it('lets one of twenty runs of an export go on, and says to the others which', async () => {
    const { running, skipped } = await startAtOnce(await newStore(), 20, {});
    expect(running).toHaveLength(1);
    expect(new Set(skipped.map(({ yieldsTo }) => yieldsTo))).toEqual(new Set([running[0]?.runId]));
  });

  it('lets one of twenty runs have an export whose run has died', async () => {
    const store = await newStore();
    const { api, executions, end } = await startAtOnce(store, 1, {});
    end('run-1');
    const ids = Array.from({ length: 20 }, (_, i) => `next-${i}`);
    const outcomes = await Promise.all(ids.map((id) => runSteps(api, store, id, executions).start()));
    expect(outcomes.filter(({ skipped }) => !skipped)).toHaveLength(1);
  });
});

describe('a run that yields', () => {
  it('asks the API for nothing', async () => {
    const { queries, running } = await startAtOnce(memoryStore().store, 1, TICK);
    expect(running).toHaveLength(1);
    const alone = queries.length;
    expect((await startAtOnce(memoryStore().store, 20, TICK)).queries).toHaveLength(alone);
  });

  it('names the run, when that started, and why', async () => {
    const { store } = memoryStore();
    const { api, executions } = await startAtOnce(store, 1, TICK);
    const second = (request: object) => runSteps(api, store, 'run-2', executions).start(request);
    expect(await second(TICK)).toEqual({
      status: 'skipped',
      runId: 'run-2',
      exportName: 'all',
      dryRun: false,
      skipped: true,
      dueAt: '2026-08-22T02:00:00.000Z',
      yieldsTo: 'run-1',
      reason: 'The schedule delivered 2026-08-22T02:00:00.000Z of export "all" more than once: run "run-1" took it.',
    });
    expect(await second({})).toMatchObject({
      yieldsTo: 'run-1',
      reason: 'Run "run-1" of export "all", started 2026-08-22T02:00:00.000Z, has not ended: this run yields to it.',
    });
  });

  it('yields also when it would go on with an earlier run', async () => {
    const { store } = memoryStore();
    const { api, executions, end } = await startAtOnce(store, 1, {});
    end('run-1');
    await runSteps(api, store, 'run-2', executions).start();
    const goOn = () => runSteps(api, store, 'run-3', executions).resume('run-1');
    expect(await goOn()).toMatchObject({ runId: 'run-3', yieldsTo: 'run-2' });
    end('run-2');
    expect(await goOn()).toMatchObject({ runId: 'run-1', pages: 3, plan: { resumed: true } });
  });
});

describe('two executions of one run', () => {
  it.each([{}, { overlap: 'allow' }])('do not work on it at the same time, with %j', async (request) => {
    const { store } = memoryStore();
    const { api, executions, end } = await startAtOnce(store, 1, request);
    const goOn = (runId: string) => runSteps(api, store, runId, executions).resume('run-1');
    expect(await goOn('again')).toMatchObject({ status: 'skipped', yieldsTo: 'run-1' });
    end('run-1');
    const outcomes = await Promise.all(['again-1', 'again-2', 'again-3'].map(goOn));
    expect(outcomes.filter(({ skipped }) => !skipped)).toHaveLength(1);
  });
});

describe('a claim of a state machine that was replaced', () => {
  it('blocks nothing, and is not asked about', async () => {
    const { store } = memoryStore();
    const { api } = arrayApi({ list: accounts(25) });
    const asked: string[] = [];
    const executions: Executions = {
      isRunning: async (execution) => {
        asked.push(execution);
        return true;
      },
    };
    const machine = (name: string) => (runId: string) =>
      `arn:aws:states:eu-west-1:111111111111:execution:${name}:${runId}`;
    const start = (name: string, runId: string) => runSteps(api, store, runId, executions, machine(name)).start();
    expect(await start('old', 'run-1')).toMatchObject({ skipped: false });
    expect(await start('new', 'run-2')).toMatchObject({ skipped: false });
    expect(asked).toEqual([]);
    expect(await start('new', 'run-3')).toMatchObject({ skipped: true, yieldsTo: 'run-2' });
  });
});

describe('a run that does not yield', () => {
  it('is of another export, or of another tick of an export whose run has ended', async () => {
    const { store } = memoryStore();
    const { api, executions, end } = await startAtOnce(store, 1, TICK);
    const start = (runId: string, request: object) => runSteps(api, store, runId, executions).start(request);
    expect(await start('run-2', { ...TICK, exportName: 'other' })).toMatchObject({ skipped: false });
    end('run-1');
    expect(await start('run-3', { ...TICK, dueAt: '2026-08-23T02:00:00Z' })).toMatchObject({ skipped: false });
  });

  it('took the tick before, in the same execution: a task is tried again', async () => {
    const { store } = memoryStore();
    const { api, executions } = await startAtOnce(store, 1, TICK);
    expect(await runSteps(api, store, 'run-1', executions).start(TICK)).toMatchObject({ skipped: false });
  });

  it('is started by hand for a time that a schedule had, to fill in for it', async () => {
    const { store } = memoryStore();
    const { api, executions, end } = await startAtOnce(store, 1, TICK);
    end('run-1');
    const again = await runSteps(api, store, 'run-2', executions).start({ dueAt: TICK.dueAt });
    expect(again).toMatchObject({ skipped: false });
  });

  it('is allowed to overlap', async () => {
    const { running } = await startAtOnce(memoryStore().store, 20, { overlap: 'allow' });
    expect(running).toHaveLength(20);
  });

  it('has its tick to itself even where runs may overlap', async () => {
    const { running } = await startAtOnce(memoryStore().store, 20, { ...TICK, overlap: 'allow' });
    expect(running).toHaveLength(1);
  });

  it('only plans', async () => {
    const { store } = memoryStore();
    const { api, executions } = await startAtOnce(store, 1, {});
    const dry: PlanOutcome = await runSteps(api, store, 'run-2', executions).start({ dryRun: true });
    expect(dry).toMatchObject({ status: 'planned' });
  });
});
