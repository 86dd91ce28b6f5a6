/**
 * What time sets off in the deployed stack: a run at its tick, the same tick delivered twice, the look at ages, retention.
 *
 * The deployed schedules wait for their hours: each has a second one like it, with the same target and role, for now.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SkippedRun } from '../../functions/model/outcomes.ts';
import { type DeployedStack, startDeployedStack, until } from './deployed-stack.ts';
import { objectsBelow, partitionsOf } from './stored.ts';

const ACCOUNTS = 321;
const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';
const DUE = '2026-11-24T05:00:00Z';

let stack: DeployedStack;

beforeAll(async () => {
  stack = await startDeployedStack({ accounts: ACCOUNTS });
  const [, SecretId = ''] = /--secret-id (\S+) /.exec(stack.outputs.PutKeyCommand ?? '') ?? [];
  const SecretString = JSON.stringify({ keyId: 'demo-key', secret: 'demo:secret' });
  await stack.aws.secrets.putSecretValue({ SecretId, SecretString });
});

afterAll(() => stack?.close());

/**
 * Sets off what a deployed schedule sets off: another schedule like it, for this moment.
 * @param suffix of that one's name: a schedule goes off once, so that a second delivery needs another
 * @returns the deployed input
 */
async function dueNow(described: string, suffix = 'now'): Promise<string> {
  const { scheduler } = stack.aws;
  const { Schedules = [] } = await scheduler.listSchedules({});
  const all = await Promise.all(Schedules.map(({ Name }) => scheduler.getSchedule({ Name })));
  const { Name, Target } = all.find(({ Description }) => Description === described) ?? {};
  if (!Target) throw new Error(`There is no schedule "${described}".`);
  const Input = Target.Input ?? '';
  await scheduler.createSchedule({
    Name: `${Name}-${suffix}`.slice(-64),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ScheduleExpression: `at(${new Date().toISOString().slice(0, 19)})`,
    // On AWS, Scheduler writes the time there; the emulator leaves it as it is.
    Target: { ...Target, Input: Input.replace(SCHEDULED_TIME, DUE) },
  });
  return Input;
}

it('runs an export at its tick, for the day that it was due', async () => {
  const input = await dueNow('Account Export: all-accounts');
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

it('runs once for a tick that is delivered twice: the second names the first, and asks the API nothing', async () => {
  const requests = stack.simulator.requests.length;
  const [, , first = ''] = (await partitionsOf(stack, 'accounts_json'))[0]?.split('/') ?? [];
  await dueNow('Account Export: all-accounts', 'again');
  const event = JSON.parse(await stack.events.with('Export run skipped', 'all-accounts')) as { detail: SkippedRun };
  expect(event.detail).toMatchObject({ status: 'skipped', dueAt: '2026-11-24T05:00:00.000Z', yieldsTo: first });
  expect(event.detail.runId).not.toBe(first);
  expect(stack.simulator.requests).toHaveLength(requests);
  // Scheduler named the execution, and the run after it.
  expect(await stack.endOf(event.detail.runId)).toMatchObject({ status: 'SUCCEEDED', output: event.detail });
});

/** A run's manifest is set back by the bucket's owner. */
async function publishedAt(runId: string, time: string): Promise<void> {
  const [[Key = '', text = Buffer.of()] = []] = await objectsBelow(stack, `export_runs/run_id=${runId}/`);
  const Body = JSON.stringify({ ...(JSON.parse(text.toString()) as object), publishedAt: time });
  await stack.aws.s3.putObject({ Bucket: stack.bucket, Key, Body });
}

it('measures each hour how old the newest published run of a scheduled export is', async () => {
  const [, , runId = ''] = (await partitionsOf(stack, 'accounts_json'))[0]?.split('/') ?? [];
  await publishedAt(runId, new Date(Date.now() - 2 * 3_600_000).toISOString());
  await dueNow('Account Export: age of the newest published runs');
  const measured = await until('the age', async () =>
    (await stack.logLines()).find((line) => line.includes('_aws') && line.includes('PublishedAge')),
  );
  const { export: name, PublishedAgeHours: hours } = JSON.parse(measured) as Record<string, unknown>;
  expect(name).toBe('all-accounts');
  expect(hours).toBeGreaterThanOrEqual(2);
  expect(hours).toBeLessThan(2.5);
});

it('removes what is older than its retention, and not the newest run of an export', async () => {
  // Retention goes by when a run was published.
  await stack.execute({ exportName: 'kept', datasetId: 'engage', dueAt: '2020-01-01T00:00:00Z' }, 'long-ago');
  await stack.execute({ exportName: 'kept', datasetId: 'engage', dueAt: '2020-01-02T00:00:00Z' }, 'newest');
  for (const runId of ['long-ago', 'newest']) await publishedAt(runId, '2020-01-03T00:00:00.000Z');
  await dueNow('Account Export: retention');
  const ended = await until('the end of retention', async () =>
    (await stack.logLines()).find((line) => line.includes('"message":"Expire runs ')),
  );
  expect(ended).toContain('"message":"Expire runs done"');
  expect(await partitionsOf(stack, 'export_runs')).toEqual(expect.not.arrayContaining(['long-ago']));
  expect(await partitionsOf(stack, 'export_runs')).toContain('newest');
  const kept = await objectsBelow(stack, 'accounts_json/export_name=kept/');
  expect([...kept.keys()]).toEqual([
    'accounts_json/export_name=kept/export_date=2020-01-02/run_id=newest/part-00000.json.gz',
  ]);
});
