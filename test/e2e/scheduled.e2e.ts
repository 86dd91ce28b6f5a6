/** Scheduled actions of the deployed stack. Each test copies a deployed schedule, with its target and role, to run now. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SkippedRun } from '../../functions/model/outcomes.ts';
import { type DeployedStack, startDeployedStack, until } from './deployed-stack.ts';
import { objectsBelow, partitionsOf } from './stored.ts';

const ACCOUNTS = 321;
const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';
const DUE = '2026-11-24T05:00:00Z';
/** In the input of the schedule of the export; other schedules name it, too. */
const EXPORT = '"exportName":"all-accounts"';

let stack: DeployedStack;

beforeAll(async () => {
  stack = await startDeployedStack({ accounts: ACCOUNTS });
  const [, SecretId = ''] = /--secret-id (\S+) /.exec(stack.outputs.PutKeyCommand ?? '') ?? [];
  const SecretString = JSON.stringify({ keyId: 'demo-key', secret: 'demo:secret' });
  await stack.aws.secrets.putSecretValue({ SecretId, SecretString });
});

afterAll(() => stack?.close());

/**
 * Creates a one-time copy of a deployed schedule.
 * @param target text in the ARN or input of its target
 * @param suffix of the name of the copy
 * @returns the deployed input
 */
async function runNow(target: string, suffix = 'now'): Promise<string> {
  const { scheduler } = stack.aws;
  const { Schedules = [] } = await scheduler.listSchedules({});
  const all = await Promise.all(Schedules.map(({ Name, GroupName }) => scheduler.getSchedule({ Name, GroupName })));
  const { Name, GroupName, Target } =
    all.find((one) => one.Description && `${one.Target?.Arn} ${one.Target?.Input}`.includes(target)) ?? {};
  if (!Target) throw new Error(`No schedule for "${target}".`);
  const Input = Target.Input ?? '';
  await scheduler.createSchedule({
    Name: `${Name}-${suffix}`.slice(-64),
    GroupName,
    FlexibleTimeWindow: { Mode: 'OFF' },
    ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
    // EventBridge Scheduler replaces this placeholder; the emulator does not.
    Target: { ...Target, Input: Input.replace(SCHEDULED_TIME, DUE) },
  });
  return Input;
}

it('runs an export at its scheduled time, for the day it was due', async () => {
  const input = await runNow(EXPORT);
  expect(JSON.parse(input)).toEqual({ exportName: 'all-accounts', dueAt: SCHEDULED_TIME, scheduled: true });
  const event = JSON.parse(await stack.events.with('Export run published', 'all-accounts')) as { detail: object };
  expect(event.detail).toMatchObject({
    status: 'published',
    accounts: ACCOUNTS,
    dueAt: '2026-11-24T05:00:00.000Z',
    exportDate: '2026-11-24',
  });
  const [partition = ''] = await partitionsOf(stack, 'accounts_json');
  expect(partition).toMatch(/^all-accounts\/2026-11-24\//);
});

it('skips the second delivery of a scheduled time, names the first run, and sends no request', async () => {
  const requests = stack.simulator.requests.length;
  const [, , first = ''] = (await partitionsOf(stack, 'accounts_json'))[0]?.split('/') ?? [];
  await runNow(EXPORT, 'again');
  const event = JSON.parse(await stack.events.with('Export run skipped', 'all-accounts')) as { detail: SkippedRun };
  expect(event.detail).toMatchObject({ outcome: 'skipped', dueAt: '2026-11-24T05:00:00.000Z', lockedBy: first });
  expect(event.detail.runId).not.toBe(first);
  expect(stack.simulator.requests).toHaveLength(requests);
  // EventBridge Scheduler names the execution, and the run has the same name.
  expect(await stack.endOf(event.detail.runId)).toMatchObject({ status: 'SUCCEEDED', output: event.detail });
});

/** Changes when a run was published, in its manifest. */
async function setPublishedAt(runId: string, time: string): Promise<void> {
  const Key = `export_runs/run_id=${runId}/manifest.json`;
  const text = (await objectsBelow(stack, `export_runs/run_id=${runId}/`)).get(Key) ?? Buffer.of();
  const Body = JSON.stringify({ ...(JSON.parse(text.toString()) as object), publishedAt: time });
  await stack.aws.s3.putObject({ Bucket: stack.bucket, Key, Body });
}

it('measures the age of the newest published run of a scheduled export', async () => {
  const [, , runId = ''] = (await partitionsOf(stack, 'accounts_json'))[0]?.split('/') ?? [];
  await setPublishedAt(runId, new Date(Date.now() - 2 * 3_600_000).toISOString());
  await runNow('WatchExports');
  const measured = await until('the age', async () =>
    (await stack.logLines()).find((line) => line.includes('_aws') && line.includes('PublishedAge')),
  );
  const { export: name, PublishedAgeHours: hours } = JSON.parse(measured) as Record<string, unknown>;
  expect(name).toBe('all-accounts');
  expect(hours).toBeGreaterThanOrEqual(2);
  expect(hours).toBeLessThan(2.5);
});

it('removes runs older than the retention, except the newest run of an export', async () => {
  // The age of a run counts from when it was published.
  await stack.execute({ exportName: 'kept', datasetId: 'engage', dueAt: '2020-01-01T00:00:00Z' }, 'long-ago');
  await stack.execute({ exportName: 'kept', datasetId: 'engage', dueAt: '2020-01-02T00:00:00Z' }, 'newest');
  for (const runId of ['long-ago', 'newest']) await setPublishedAt(runId, '2020-01-03T00:00:00.000Z');
  await runNow('ExpireRuns');
  const ended = await until('the end of retention', async () =>
    (await stack.logLines()).find((line) => line.includes('"message":"Expire runs ')),
  );
  expect(ended).toContain('"message":"Expire runs done"');
  expect(await partitionsOf(stack, 'export_runs')).toEqual(expect.not.arrayContaining(['long-ago']));
  expect(await partitionsOf(stack, 'export_runs')).toContain('newest');
  expect(await objectsBelow(stack, 'export_runs/run_id=long-ago/')).toEqual(new Map());
  const kept = await objectsBelow(stack, 'accounts_json/export_name=kept/');
  expect([...kept.keys()]).toEqual([
    'accounts_json/export_name=kept/export_date=2020-01-02/run_id=newest/part-00000.json.gz',
  ]);
});
