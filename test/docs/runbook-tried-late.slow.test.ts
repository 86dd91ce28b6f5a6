/** Causes the alarms *start-undelivered*, *api-errors* and *no-published-run* of `docs/runbook.md`, and does what they say. */
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../simulator/faults.ts';
import { type DeployedWorld, deployedWorld } from '../support/deployed-world.ts';
import { until } from '../support/small-aws-world.ts';
import { synthesized } from '../support/synthesized.ts';
import { isRaised, metricValues } from './alarm-state.ts';
import { runbookEntry } from './runbook-entry.ts';

const EXPORT = 'all-accounts';
let world: DeployedWorld;
afterEach(() => world.close());

const settings = (more: object) => world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', ...more }] });

describe('start-undelivered', () => {
  const ENTRY = runbookEntry('start-undelivered');

  it('start EXPORT --due TIME starts the missed run with the partition of its day', async () => {
    // What the schedule sends is what the message in the queue contains.
    const exports = [{ name: EXPORT, datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }];
    const inputs = Object.values(synthesized({ exports }).findResources('AWS::Scheduler::Schedule'))
      .map(({ Properties }) => String(Properties.Target.Input))
      .filter((input) => input.includes('exportName'));
    expect(inputs).toEqual([`{"exportName":"${EXPORT}","dueAt":"<aws.scheduler.scheduled-time>","scheduled":true}`]);

    world = await deployedWorld();
    const { code } = await world.cli(
      ENTRY.command('start EXPORT --due TIME', { EXPORT, TIME: '2026-08-22T06:00:00Z' }),
    );
    expect(code).toBe(0);
    const [RUN] = world.runs();
    expect(world.partitions()).toContain(`accounts_json ${EXPORT}/2026-08-22/${RUN}`);
  });

  it('has no other command', async () => {
    world = await deployedWorld();
    expect(ENTRY.untested()).toEqual([]);
  });
});

describe('api-errors', () => {
  const ENTRY = runbookEntry('api-errors');
  const doFor = (cause: string) => ENTRY.rows.find(([causes]) => causes?.includes(`\`${cause}\``))?.[1];
  /** The causes of retries, as the dashboard shows them. */
  const causes = () => [
    ...new Set(
      metricValues('Retries', ['service', 'stack', 'export', 'cause'], world.printed).map(({ line }) => line.cause),
    ),
  ];

  it.each<[string, FaultRule['fault']]>([
    ['429', { status: 429, retryAfter: '0' }],
    ['5xx', { status: 502, retryAfter: '0' }],
    ['408', { status: 408, retryAfter: '0' }],
    ['connection', 'reset'],
    ['broken-body', 'html'],
    ['connection', 'truncate-content-length'],
  ])('%s is in the table, and the run survives it', async (cause, fault) => {
    world = await deployedWorld();
    world.faults.push({ fault, times: 1 });
    expect((await world.cli(['start', EXPORT])).code).toBe(0);
    expect(causes()).toEqual([cause]);
    expect(isRaised('ApiErrors', world.printed)).toBe(true);
    expect(doFor(cause)).toBeDefined();
  });

  it('is raised by an API that is down before a run is planned', async () => {
    world = await deployedWorld();
    world.faults.push({ fault: { status: 503, retryAfter: '0' }, times: Number.POSITIVE_INFINITY });
    expect((await world.cli(['start', EXPORT])).code).toBe(1);
    expect(world.emails().at(-1)).toContain('not planned');
    expect(causes()).toEqual(['5xx']);
    expect(isRaised('ApiErrors', world.printed)).toBe(true);
  });

  it('key-changed: a run survives a key that is rotated', async () => {
    let rotated = false;
    world = await deployedWorld({
      onRequest: ({ page, pageSize }) => {
        if (rotated && page === 1 && pageSize === 500) world.simulator.setKey('new-key', 'new:secret');
      },
    });
    // The functions now cache the old key for five minutes.
    expect((await world.cli(['start', EXPORT])).code).toBe(0);
    await world.putKey({ keyId: 'new-key', secret: 'new:secret' });
    rotated = true;
    world.printed.length = 0;
    expect((await world.cli(['start', EXPORT])).code).toBe(0);
    expect(causes()).toEqual(['key-changed']);
    expect(doFor('key-changed')).toBe('a key was rotated: nothing');
  });

  it('lists every cause of a retry', async () => {
    world = await deployedWorld();
    const listed = ENTRY.rows.flatMap(([its = '']) => [...its.matchAll(/`([^`]+)`/g)].map(([, cause]) => cause));
    // A timeout takes minutes, so no test causes it.
    expect(listed).toEqual(['429', '5xx', 'timeout', 'connection', '408', 'broken-body', 'key-changed']);
    expect(ENTRY.untested()).toEqual([]);
  });
});

describe('no-published-run', () => {
  const ENTRY = runbookEntry('no-published-run');
  const ALARM = `NoPublishedRun${EXPORT.replace('-', '')}`;
  const raised = async () => {
    world.printed.length = 0;
    await world.watch();
    return isRaised(ALARM, world.printed);
  };

  it('is raised by a new export until its first run is published', async () => {
    world = await deployedWorld();
    expect(await raised()).toBe(true);
    expect((await world.cli(ENTRY.command('runs'))).code).toBe(0);
    expect((await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).code).toBe(0);
    expect(await raised()).toBe(false);
  });

  it('is raised when the newest run is older than the interval plus four hours', async () => {
    world = await deployedWorld();
    await world.cli(['start', EXPORT]);
    const key = world.bucket.keys().find((one) => one.endsWith('manifest.json')) ?? '';
    const publishedAgo = (hours: number) => {
      const manifest = JSON.parse(world.bucket.text(key)) as object;
      const publishedAt = new Date(Date.now() - hours * 3_600_000).toISOString();
      world.bucket.put(key, JSON.stringify({ ...manifest, publishedAt }));
    };
    publishedAgo(28);
    expect(await raised()).toBe(false);
    publishedAgo(29.5);
    expect(await raised()).toBe(true);
    const due = ENTRY.command('start EXPORT --due TIME', { EXPORT, TIME: new Date().toISOString() });
    expect((await world.cli(due)).code).toBe(0);
    expect(await raised()).toBe(false);
  });

  it('skipped: after the hanging run is stopped, the export starts again', async () => {
    world = await deployedWorld({ latencyMs: 200 });
    // A run of half a minute.
    settings({ pageSize: 10 });
    world.deploy({ concurrency: 1 });
    expect((await world.cli(['start', EXPORT, '--no-follow'])).code).toBe(0);
    await until(() => world.bucket.keys().some((key) => key.endsWith('.json.gz')));
    const [RUN = ''] = world.runs();
    const second = await world.cli(['start', EXPORT]);
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining(RUN) });
    const list = (await world.cli(ENTRY.command('runs'))).stdout;
    expect(list).toMatch(/ skipped /);
    expect(list).toMatch(new RegExp(`^${RUN} ${EXPORT} +running `, 'm'));

    const stopped = await world.cli(ENTRY.command('status RUN --stop', { RUN }));
    expect(stopped).toMatchObject({ code: 0, stdout: expect.stringMatching(/stop/i) });
    expect((await world.cli(['status', RUN])).code).toBe(1);
    settings({ pageSize: 500 });
    expect((await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).code).toBe(0);
    expect(await raised()).toBe(false);
  });

  it('published: the hourly check failed, and its log says why', async () => {
    world = await deployedWorld();
    await world.cli(['start', EXPORT]);
    world.unreadable.push('export_runs/');
    world.printed.length = 0;
    await expect(world.watch()).rejects.toMatchObject({ name: 'ConfigError' });
    expect(isRaised(ALARM, world.printed)).toBe(true);
    expect(world.printed.join('')).toContain('AccessDenied');
  });

  it('has no other command', async () => {
    world = await deployedWorld();
    expect(ENTRY.untested()).toEqual([]);
  });
});
