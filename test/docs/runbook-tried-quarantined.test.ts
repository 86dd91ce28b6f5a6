/** The entries *run-quarantined* and *source-drifted* of `docs/runbook.md`, tried. */
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
/** Runs that analysts see: those with a partition of `export_runs`. */
const shown = () => world.partitions().flatMap((partition) => /^export_runs (.+)$/.exec(partition)?.[1] ?? []);
/** A simulated tenant that loses an account while its second page is read, so often. */
function moving(times: number) {
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

  it('is raised by a drop; publish RUN publishes it when it is right', async () => {
    world = await deployedWorld();
    await start();
    const [first] = world.runs();
    world.simulator.tenant.setTotal(100);
    world.printed.length = 0;
    const held = await start();
    const [RUN = ''] = world.runs();
    expect(held).toMatchObject({ code: 1, stderr: expect.stringMatching(/a drop of 91 %, and maxDropPercent is 50/) });
    expect(isRaised('RunQuarantined', world.printed)).toBe(true);
    expect(isRaised('SourceDrifted', world.printed)).toBe(false);
    expect(shown()).toEqual([first]);

    // As long as none is published, each is held back; from then on none is.
    expect((await start()).stderr).toMatch(/a drop of 91 %/);
    expect(await world.cli(ENTRY.command('publish RUN', { RUN }))).toMatchObject({ code: 0, stderr: '' });
    expect(shown()).toEqual([first, RUN]);
    expect((await start()).code).toBe(0);
  });

  it('leaves what is wrong out of sight; start EXPORT publishes when the source is repaired', async () => {
    world = await deployedWorld();
    await start();
    const [first] = world.runs();
    world.simulator.tenant.setTotal(0);
    expect((await start()).stderr).toMatch(/none left is always looked at/);
    world.simulator.tenant.setTotal(1200);
    world.printed.length = 0;
    expect((await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).code).toBe(0);
    expect(shown()).toEqual([first, world.runs()[0]]);
    expect(isRaised('RunQuarantined', world.printed)).toBe(false);
  });

  it('is raised by a source that moved, where onDrift is "fail"', async () => {
    world = await deployedWorld(moving(1));
    settings({ onDrift: 'fail' });
    expect((await start()).stderr).toMatch(/The source moved while run "\S+" read it/);
    const [RUN = ''] = world.runs();
    expect(isRaised('RunQuarantined', world.printed)).toBe(true);
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
    expect(await world.cli(ENTRY.command('publish RUN', { RUN }))).toMatchObject({ code: 0, stderr: '' });
    expect(shown()).toEqual([RUN]);
  });

  it('has no command beside these', async () => {
    world = await deployedWorld();
    expect(ENTRY.untried()).toEqual([]);
  });
});

describe('source-drifted', () => {
  const ENTRY = runbookEntry('source-drifted');

  it('is raised by a run that is published; its manifest says how much, and the next run puts it right', async () => {
    world = await deployedWorld(moving(1));
    expect((await start()).code).toBe(0);
    const [RUN = ''] = world.runs();
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
    expect(isRaised('RunQuarantined', world.printed)).toBe(false);
    const told = (await world.cli(ENTRY.command('status RUN', { RUN }))).stdout;
    expect(told).toMatch(/drifted/);
    const key = /manifest s3:\/\/exports\/(\S+)/.exec(told)?.[1] ?? '';
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
    expect((await start()).stdout).toMatch(/^Published {2}1,233 accounts .*, steady/m);
    expect(isRaised('SourceDrifted', world.printed)).toBe(false);
  });

  it('daily: with onDrift "retry" the run exports once more, and is steady', async () => {
    world = await deployedWorld(moving(1));
    settings({ onDrift: 'retry' });
    await start();
    const [RUN = ''] = world.runs();
    expect((await world.cli(ENTRY.command('status RUN', { RUN }))).stdout).toMatch(/^Published {2}1,233 .*, steady/m);
    expect(shown()).toEqual([RUN]);
    expect(isRaised('SourceDrifted', world.printed)).toBe(true);
  });

  it('daily: with onDrift "fail" the run is held back', async () => {
    world = await deployedWorld(moving(1));
    settings({ onDrift: 'fail' });
    expect((await start()).code).toBe(1);
    expect(shown()).toEqual([]);
  });

  it('has no command beside these', async () => {
    world = await deployedWorld();
    expect(ENTRY.untried()).toEqual([]);
  });
});
