/** Causes each row of the entry *run-failed* of `docs/runbook.md`, and does what the row says. */
import { afterEach, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../simulator/faults.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { type DeployedWorld, deployedWorld } from '../support/deployed-world.ts';
import { OPENING_COMMANDS, runbookEntry } from './runbook-entry.ts';

const ENTRY = runbookEntry('run-failed');
const EXPORT = 'all-accounts';
let world: DeployedWorld;
afterEach(() => world.close());

/** Starts the export, which must fail with this error, and checks that the email and `status` say why. */
async function failingRun(error: string): Promise<string> {
  expect((await world.cli(['start', EXPORT])).code).toBe(1);
  const [RUN = ''] = world.runs();
  const [execution] = world.aws.stateMachine.executions;
  expect(execution?.error).toBe(error);
  expect(world.emails().at(-1)).toContain(error);
  expect(world.emails().at(-1)).toContain(RUN);
  const [sentence = ''] = (execution?.cause ?? '').split('. ');
  expect((await world.cli(ENTRY.command('status RUN', { RUN }))).stderr).toContain(sentence);
  expect(world.partitions()).toEqual([]);
  return RUN;
}

const published = {
  code: 0,
  stderr: '',
  stdout: expect.stringMatching(/^Published {2}1,234 accounts[, ][\s\S]*consistent/m),
};
/** The pages that the API served, each as often as it did. */
const pagesFetched = () =>
  world.simulator.requests
    .filter(({ pageSize, status, records }) => pageSize === 500 && status === 200 && records > 0)
    .map(({ page }) => page);
const always = (fault: FaultRule['fault'], more: Partial<FaultRule> = {}): FaultRule => ({
  fault,
  times: Number.POSITIVE_INFINITY,
  ...more,
});

it('starts with commands that exist', async () => {
  world = await deployedWorld();
  expect(OPENING_COMMANDS).toEqual(['runs', 'status RUN']);
  world.simulator.setKey('another', 'key');
  const RUN = await failingRun('ApiCredentialsError');
  expect((await world.cli(ENTRY.command('runs'))).stdout).toMatch(new RegExp(`^${RUN} .* failed `, 'm'));
});

describe('a key that the API rejects', () => {
  const ROW = 'the API key';

  it('during a run: after a new key is stored, resume fetches the missing pages', async () => {
    world = await deployedWorld({
      onRequest: ({ pageSize, page }) => {
        if (pageSize === 500 && page === 2) world.simulator.setKey('new-key', 'new:secret');
      },
    });
    world.deploy({ concurrency: 1 });
    const RUN = await failingRun('ApiCredentialsError');
    expect(pagesFetched()).not.toContain(2);
    await world.putKey({ keyId: 'new-key', secret: 'new:secret' });
    expect(rowOf(ROW)).toContain('`resume RUN`');
    expect(await world.cli(ENTRY.command('resume RUN', { RUN }))).toMatchObject(published);
    expect(pagesFetched().sort()).toEqual([0, 1, 2]);
  });

  it('before the run was planned: after a new key is stored, a new run succeeds', async () => {
    world = await deployedWorld();
    world.simulator.setKey('new-key', 'new:secret');
    const RUN = await failingRun('ApiCredentialsError');
    expect(world.emails().at(-1)).toContain('not planned');
    await world.putKey({ keyId: 'new-key', secret: 'new:secret' });
    expect((await world.cli(ENTRY.command('resume RUN', { RUN }))).code).toBe(1);
    expect(await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).toMatchObject(published);
  });
});

describe('an API that fails', () => {
  it.each<[string, FaultRule['fault'], string]>([
    ['throttling', { status: 429, retryAfter: '0' }, 'ApiThrottledError'],
    ['unavailable', { status: 503, retryAfter: '0' }, 'ApiUnavailableError'],
    ['unexpected answer', 'html', 'ApiContentError'],
  ])('%s: resume succeeds when the API is back', async (words, fault, error) => {
    world = await deployedWorld();
    world.faults.push(always(fault, { pages: [2], minPageSize: 100 }));
    const RUN = await failingRun(error);
    world.faults.length = 0;
    expect(rowOf(words)).toContain('`resume RUN`');
    expect(await world.cli(ENTRY.command('resume RUN', { RUN }))).toMatchObject(published);
    expect(pagesFetched().sort()).toEqual([0, 1, 2]);
  });
});

describe('a wrong setting', () => {
  it.each<[string, SimulatorOptions, object, FaultRule[], string]>([
    ['page size', { pageSizeCap: 100 }, { pageSize: 500 }, [], 'PageSizeCappedError'],
    ['dataset', {}, { datasetId: 'gone' }, [], 'ApiNotFoundError'],
    ['parameter', {}, { pageSize: 1000 }, [always({ status: 400 }, { minPageSize: 1000 })], 'ApiRequestError'],
  ])('%s: after a corrected deployment, a new run succeeds', async (...[words, options, setting, faults, error]) => {
    world = await deployedWorld(options);
    world.faults.push(...faults);
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, ...setting }] });
    await failingRun(error);
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 100 }] });
    expect(rowOf(words)).toContain('`start EXPORT`');
    expect(await world.cli(ENTRY.command('start EXPORT', { EXPORT }))).toMatchObject(published);
  });
});

describe('a record budget', () => {
  it('that retries used up: resume with a higher one succeeds', async () => {
    world = await deployedWorld();
    // A damaged answer counts as a full page, so the budget ends.
    world.faults.push({ fault: 'truncate', pages: [1], minPageSize: 100, times: 2 });
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, maxRecords: 2300 }] });
    const RUN = await failingRun('BudgetExceededError');
    expect(rowOf('`maxRecords`')).toContain('`resume RUN --max-records N`');
    expect(await world.cli(ENTRY.command('resume RUN --max-records N', { RUN, N: '5000' }))).toMatchObject(published);
  });

  it('that is too low for the number of accounts: a new run with a higher one succeeds', async () => {
    world = await deployedWorld();
    world.deploy({ exports: [{ name: EXPORT, datasetId: 'engage', pageSize: 500, maxRecords: 1200 }] });
    await failingRun('BudgetExceededError');
    expect(world.emails().at(-1)).toContain('not planned');
    const higher = ENTRY.command('start EXPORT --max-records N', { EXPORT, N: '3000' });
    expect(await world.cli(higher)).toMatchObject(published);
  });
});

it('a missing permission: after a deployment restores it, resume succeeds', async () => {
  world = await deployedWorld();
  world.denied.push('accounts_json/');
  const RUN = await failingRun('ConfigError');
  world.denied.length = 0;
  expect(rowOf('storage, a permission')).toContain('`resume RUN`');
  expect(await world.cli(ENTRY.command('resume RUN', { RUN }))).toMatchObject(published);
});

it('a run that timed out can be resumed too', async () => {
  world = await deployedWorld();
  world.faults.push(always({ status: 404 }, { pages: [1], minPageSize: 100 }));
  const RUN = await failingRun('ApiNotFoundError');
  const [execution] = world.aws.stateMachine.executions;
  if (execution) Object.assign(execution, { status: 'TIMED_OUT', error: undefined, cause: undefined });
  world.faults.length = 0;
  expect((await world.cli(ENTRY.command('status RUN', { RUN }))).code).toBe(1);
  expect(await world.cli(ENTRY.command('resume RUN', { RUN }))).toMatchObject(published);
});

it('has no other row and no other command', async () => {
  world = await deployedWorld();
  expect(ENTRY.rows.map(([sentence]) => sentence)).toEqual([
    'the API key',
    'throttling, an unavailable API, an unexpected answer',
    'a page size, a dataset, a parameter',
    '`maxRecords`',
    'storage, a permission',
    // Covered by that entry.
    'a quarantined run',
  ]);
  expect(ENTRY.untested()).toEqual([]);
});

/** What the table says to do for a message about these words. */
function rowOf(words: string): string {
  return ENTRY.rows.find(([sentence]) => sentence?.includes(words))?.[1] ?? expect.fail(`no row for ${words}`);
}
