/** Causes the alarms *run-quarantined* and *source-drifted* of `docs/runbook.md`, and does what their entries say. */
import { afterEach, describe, expect, it } from 'vitest';
import type { SeenRequest } from '../../simulator/simulator.ts';
import { type DeployedWorld, deployedWorld } from '../support/deployed-world.ts';
import { isRaised } from './alarm-state.ts';
import { runbookEntry } from './runbook-entry.ts';

const EXPORT = 'all-accounts';
let world: DeployedWorld;
afterEach(() => world.close());

const start = () => world.cli(['start', EXPORT]);
const settings = (more: object) =>
  world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, ...more }] });
const lastError = () => world.aws.stateMachine.executions[0]?.error;
/** Runs that analysts see: those with a partition of `export_runs`. */
const visible = () => world.partitions().flatMap((partition) => /^export_runs (.+)$/.exec(partition)?.[1] ?? []);
/** A simulated tenant that loses an account while its second page is read, in the first `times` runs. */
function shrinking(times: number) {
  let left = times;
  return {
    onRequest: ({ pageSize, page }: SeenRequest) => {
      if (pageSize !== 500 || page !== 1 || left-- <= 0) return;
      world.simulator.tenant.removeAt(3, 1);
    },
  };
}

describe('run-quarantined', () => {
  const ENTRY = runbookEntry('run-quarantined');

  it('is raised by a drop; publish RUN publishes the run', async () => {
    world = await deployedWorld();
    await start();
    const [first] = world.runs();
    world.simulator.tenant.setTotal(100);
    world.printed.length = 0;
    expect((await start()).code).toBe(1);
    const [RUN = ''] = world.runs();
    expect(lastError()).toBe('QuarantinedError');
    expect(isRaised('RunQuarantined', world.printed)).toBe(true);
    expect(isRaised('SourceDrifted', world.printed)).toBe(false);
    expect(visible()).toEqual([first]);

    // Every run is quarantined until one is published.
    expect((await start()).code).toBe(1);
    expect(await world.cli(ENTRY.command('publish RUN', { RUN }))).toMatchObject({ code: 0, stderr: '' });
    expect(visible()).toEqual([first, RUN]);
    expect((await start()).code).toBe(0);
  }, 1_200_000);

  it('keeps an empty run invisible; start EXPORT publishes when the data is right again', async () => {
    world = await deployedWorld();
    await start();
    const [first] = world.runs();
    world.simulator.tenant.setTotal(0);
    expect((await start()).code).toBe(1);
    expect(lastError()).toBe('QuarantinedError');
    world.simulator.tenant.setTotal(1200);
    world.printed.length = 0;
    expect((await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).code).toBe(0);
    expect(visible()).toEqual([first, world.runs()[0]]);
    expect(isRaised('RunQuarantined', world.printed)).toBe(false);
  });

  it('is raised by a misspelled segment, also in the email, the event, and status', async () => {
    world = await deployedWorld();
    settings({ filter: 'Tier 1 & 2/EMAE' });
    expect((await start()).code).toBe(1);
    const [RUN = ''] = world.runs();
    const sentence = `Run "${RUN}" is quarantined: it has 0 accounts, and export "${EXPORT}" has no published run to compare it with. Check the spelling of the segment (filter); if it is right, publish the run.`;
    expect(lastError()).toBe('QuarantinedError');
    expect(isRaised('RunQuarantined', world.printed)).toBe(true);
    expect(visible()).toEqual([]);
    expect(world.emails().at(-1)).toContain(`Export ${EXPORT} is quarantined: ${sentence}`);
    const event = JSON.stringify(world.announced.map(({ parameters }) => parameters));
    expect(event).toContain('"status":"quarantined"');
    const status = await world.cli(['status', RUN]);
    expect(status.stderr).toContain(sentence);
    expect(status.stderr).toContain(`To publish: npm run --silent account-export -- publish ${RUN}`);
    expect([...world.emails(), event, status.stderr].join()).not.toContain('EMAE');

    settings({ filter: 'Tier 1 & 2/EMEA' });
    expect((await start()).code).toBe(0);
    expect(visible()).toEqual([world.runs()[0]]);
  });

  it('is raised if the configured segment was changed, until a run is published', async () => {
    world = await deployedWorld();
    await start();
    const [first] = world.runs();
    settings({ filter: 'Tier 1 & 2/EMEA' });
    expect((await start()).code).toBe(1);
    const [RUN = ''] = world.runs();
    expect(lastError()).toBe('QuarantinedError');
    expect(world.emails().at(-1)).toContain('it exports a different dataset or segment (filter differs)');
    expect(visible()).toEqual([first]);
    expect(await world.cli(ENTRY.command('publish RUN', { RUN }))).toMatchObject({ code: 0, stderr: '' });
    expect((await start()).code).toBe(0);
  });

  it('is not the way to export a segment once, which is refused before any request', async () => {
    world = await deployedWorld();
    const { code, stderr } = await world.cli(['start', EXPORT, '--filter', 'Tier 1 & 2/EMEA']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `Invalid request for export "${EXPORT}" (its filter cannot be overridden): to export other accounts, set exportName to a new name, and datasetId to their dataset.`,
    );
    expect(world.simulator.requests).toEqual([]);
    const named = ['start', 'once', '--dataset', 'engage', '--filter', 'Tier 1 & 2/EMEA'];
    expect((await world.cli(named)).code).toBe(0);
  });

  it('is raised by data that changed during the run when onDrift is "fail"', async () => {
    world = await deployedWorld(shrinking(1));
    settings({ onDrift: 'fail' });
    expect((await start()).code).toBe(1);
    expect(lastError()).toBe('DriftedError');
    const [RUN = ''] = world.runs();
    expect(visible()).toEqual([]);
    expect(isRaised('RunQuarantined', world.printed)).toBe(true);
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
    expect(await world.cli(ENTRY.command('publish RUN', { RUN }))).toMatchObject({ code: 0, stderr: '' });
    expect(visible()).toEqual([RUN]);
  });

  it('has no other command', async () => {
    world = await deployedWorld();
    expect(ENTRY.untested()).toEqual([]);
  });
});

describe('source-drifted', () => {
  const ENTRY = runbookEntry('source-drifted');

  it('is raised by a published run; its manifest holds the figures, and the next run is consistent', async () => {
    world = await deployedWorld(shrinking(1));
    expect((await start()).code).toBe(0);
    const [RUN = ''] = world.runs();
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
    expect(isRaised('RunQuarantined', world.printed)).toBe(false);
    const { stdout } = await world.cli(ENTRY.command('status RUN', { RUN }));
    expect(stdout).toMatch(/drifted/);
    const key = /manifest s3:\/\/exports\/(\S+)/.exec(stdout)?.[1] ?? '';
    expect(JSON.parse(world.bucket.text(key))).toMatchObject({
      duplicates: 0,
      consistency: {
        verdict: 'drifted',
        accountsBefore: 1234,
        accountsAfter: 1233,
        boundariesMoved: expect.any(Number),
      },
    });

    world.printed.length = 0;
    expect((await start()).stdout).toMatch(/^Published {2}1,233 accounts [\s\S]*consistent/m);
    expect(isRaised('SourceDrifted', world.printed)).toBe(false);
  });

  it('with onDrift "retry" the export runs again as a second run, which is consistent', async () => {
    world = await deployedWorld(shrinking(1));
    settings({ onDrift: 'retry' });
    await start();
    const [RUN = ''] = world.runs();
    expect((await world.cli(ENTRY.command('status RUN', { RUN }))).stdout).toMatch(
      /^Published {2}1,233 accounts [\s\S]*consistent/m,
    );
    expect(visible()).toEqual([`${RUN}-retry`]);
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
  });

  it('has no other command', async () => {
    world = await deployedWorld();
    expect(ENTRY.untested()).toEqual([]);
  });
});
