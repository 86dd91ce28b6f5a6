/** The entry *run-failed* of `docs/runbook.md`: each row of its table is made to happen, and what it says to do is done. */
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../simulator/faults.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { type DeployedWorld, deployedWorld } from '../support/deployed-world.ts';
import { OPENING_COMMANDS, runbookEntry } from './runbook-entry.ts';

const ENTRY = runbookEntry('run-failed');
const EXPORT = 'all-accounts';
let world: DeployedWorld;
afterEach(() => world.close());

/** Starts the export as its schedule would, to fail, and looks at it as the page says. */
async function failingRun(sentence: RegExp): Promise<string> {
  const { code, stderr } = await world.cli(['start', EXPORT]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(sentence) });
  const [RUN = ''] = world.runs();
  expect(world.mails().at(-1)).toMatch(sentence);
  expect(world.mails().at(-1)).toContain(RUN);
  expect((await world.cli(ENTRY.command('status RUN', { RUN }))).stderr).toMatch(sentence);
  expect(world.partitions()).toEqual([]);
  return RUN;
}

const published = { code: 0, stderr: '', stdout: expect.stringMatching(/^Published {2}1,234 accounts .*, steady/m) };
/** The pages of the plan that the API gave, each as often as it did. */
const pagesFetched = () =>
  world.simulator.requests
    .filter(({ pageSize, status, records }) => pageSize === 500 && status === 200 && records > 0)
    .map(({ page }) => page);
const always = (fault: FaultRule['fault'], more: Partial<FaultRule> = {}): FaultRule => ({
  fault,
  times: Number.POSITIVE_INFINITY,
  ...more,
});

it('begins with commands that are there', async () => {
  world = await deployedWorld();
  expect(OPENING_COMMANDS).toEqual(['runs', 'status RUN']);
  world.simulator.setKey('another', 'key');
  const RUN = await failingRun(/^.*The API refused the key with 401/);
  expect((await world.cli(ENTRY.command('runs'))).stdout).toMatch(new RegExp(`^${RUN} .* failed `, 'm'));
});

describe('a key that the API refuses', () => {
  const ROW = 'the API refused the key';

  it('in the middle of a run: a new key, and redrive goes on with the pages that are there', async () => {
    world = await deployedWorld({
      onRequest: ({ pageSize, page }) => {
        if (pageSize === 500 && page === 2) world.simulator.setKey('new-key', 'new:secret');
      },
    });
    world.deploy({ concurrency: 1 });
    const RUN = await failingRun(/The API refused the key with 401/);
    expect(pagesFetched()).not.toContain(2);
    await world.putKey({ keyId: 'new-key', secret: 'new:secret' });
    expect(rowOf(ROW)).toContain('`redrive RUN`');
    expect(await world.cli(ENTRY.command('redrive RUN', { RUN }))).toMatchObject(published);
    expect(pagesFetched().sort()).toEqual([0, 1, 2]);
  });

  it('before the run was planned: a new key, and the export is started anew', async () => {
    world = await deployedWorld();
    world.simulator.setKey('new-key', 'new:secret');
    const RUN = await failingRun(/The API refused the key with 401/);
    expect(world.mails().at(-1)).toMatch(/Pages: {2}not planned/);
    await world.putKey({ keyId: 'new-key', secret: 'new:secret' });
    const redriven = await world.cli(ENTRY.command('redrive RUN', { RUN }));
    expect(redriven.stderr).toMatch(/^error: There is no plan of run .* Start a new run\.\n$/);
    expect(await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).toMatchObject(published);
  });
});

describe('an API in trouble', () => {
  it.each<[string, FaultRule['fault'], RegExp]>([
    ['throttled', { status: 429, retryAfter: '0' }, /was refused with 429 \(too many requests\)/],
    ['unavailable', { status: 503, retryAfter: '0' }, /was answered with 503/],
    ['an answer that is not what was asked for', 'html', /it can be tried again later/],
  ])('%s: nothing but redrive when it is back', async (words, fault, sentence) => {
    world = await deployedWorld();
    world.faults.push(always(fault, { pages: [2], minPageSize: 100 }));
    const RUN = await failingRun(sentence);
    world.faults.length = 0;
    expect(rowOf(words)).toContain('`redrive RUN`');
    expect(await world.cli(ENTRY.command('redrive RUN', { RUN }))).toMatchObject(published);
    expect(pagesFetched().sort()).toEqual([0, 1, 2]);
  });
});

describe('a setting', () => {
  it.each<[string, SimulatorOptions, object, FaultRule[], RegExp]>([
    ['page size', { pageSizeCap: 100 }, { pageSize: 500 }, [], /set the page size to 100/],
    ['dataset', {}, { datasetId: 'gone' }, [], /knows no dataset "gone" \(404\)/],
    [
      'parameter',
      {},
      { pageSize: 1000 },
      [always({ status: 400 }, { minPageSize: 1000 })],
      /check the parameters sent/,
    ],
  ])(
    '%s: corrected and deployed, and the export is started anew',
    async (words, options, setting, faults, sentence) => {
      world = await deployedWorld(options);
      world.faults.push(...faults);
      world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, ...setting }] });
      await failingRun(sentence);
      world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 100 }] });
      expect(rowOf(words)).toContain('`start EXPORT`');
      expect(await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).toMatchObject(published);
    },
  );
});

describe('a record budget', () => {
  it('that the retries of a run used up: redrive with a higher one', async () => {
    world = await deployedWorld();
    // An answer that is not what was asked for counts as if it were: with it, the budget does not reach.
    world.faults.push({ fault: 'html', pages: [1], minPageSize: 100, times: 2 });
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, maxRecords: 2300 }] });
    const RUN = await failingRun(/maxRecords/);
    expect(world.mails().at(-1)).toMatch(/Pages: {2}\d of 3 are done and kept/);
    expect(rowOf('`maxRecords`')).toContain('`redrive RUN --max-records N`');
    expect(await world.cli(ENTRY.command('redrive RUN --max-records N', { RUN, N: '5000' }))).toMatchObject(published);
  });

  it('that is too low for the accounts there are: started anew with a higher one', async () => {
    world = await deployedWorld();
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, maxRecords: 1200 }] });
    await failingRun(/maxRecords/);
    expect(world.mails().at(-1)).toMatch(/Pages: {2}not planned/);
    const anew = ENTRY.command('start EXPORT --max-records N', { EXPORT, N: '3000' });
    expect(await world.cli(anew)).toMatchObject(published);
  });
});

it('a right of the bucket: the deployment gives it back, and redrive goes on', async () => {
  world = await deployedWorld();
  world.denied.push('accounts_json/');
  const RUN = await failingRun(/failed \(AccessDenied\): the role or user may not do this/);
  world.denied.length = 0;
  expect(rowOf('storage, a right')).toContain('`redrive RUN`');
  expect(await world.cli(ENTRY.command('redrive RUN', { RUN }))).toMatchObject(published);
});

it('a run that ran out of time: redrive goes on with it too', async () => {
  world = await deployedWorld();
  world.faults.push(always({ status: 404 }, { pages: [1], minPageSize: 100 }));
  const RUN = await failingRun(/404/);
  const [execution] = world.aws.stateMachine.executions;
  if (execution) Object.assign(execution, { status: 'TIMED_OUT', error: undefined, cause: undefined });
  world.faults.length = 0;
  expect((await world.cli(ENTRY.command('status RUN', { RUN }))).stderr).toMatch(/ran out of time/);
  expect(await world.cli(ENTRY.command('redrive RUN', { RUN }))).toMatchObject(published);
});

it('has no row and no command beside these', async () => {
  world = await deployedWorld();
  expect(ENTRY.rows.map(([sentence]) => sentence)).toEqual([
    'the API refused the key',
    'throttled, unavailable, an answer that is not what was asked for',
    'a page size, a dataset, a parameter',
    '`maxRecords`',
    'storage, a right',
    // Tried with that entry.
    'a drop, a source that moved: the run was held back',
  ]);
  expect(ENTRY.untried()).toEqual([]);
});

/** What the table says to do for a sentence with these words. */
function rowOf(words: string): string {
  return ENTRY.rows.find(([sentence]) => sentence?.includes(words))?.[1] ?? expect.fail(`no row for ${words}`);
}
