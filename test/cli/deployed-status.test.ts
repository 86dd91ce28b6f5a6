/** Coming back to a run: to look, to stop it, to go on with it. */
import { describe, expect, it } from 'vitest';
import { publishDeployed } from '../../cli/commands/publish.ts';
import { resumeRun } from '../../cli/commands/resume.ts';
import { showStatus } from '../../cli/commands/status.ts';
import {
  brokenPage,
  quickSleep,
  redrive,
  STACK_FLAGS,
  said,
  sentenceOf,
  smallWorld,
  start,
  status,
  until,
} from '../support/small-aws-world.ts';

describe('status', () => {
  it('follows a running one, named by its ARN, to its end', async () => {
    const { aws } = await smallWorld({ accounts: 4000, latencyMs: 20 });
    await start({ follow: false });
    const [execution] = aws.stateMachine.executions;
    const { code, stdout } = await status(execution?.executionArn ?? '');
    expect(code).toBe(0);
    expect(stdout).toContain(`Run        ${execution?.name} of export all-accounts\n`);
    expect(stdout).toMatch(/started \d{4}-\d\d-\d\d \d\d:\d\d UTC, running for \d+ s/);
    expect(stdout).toContain('Planned    4,000 accounts in 8 pages of 500');
    expect(stdout).toContain('Published  4,000 accounts');
  });

  it('looks once with --no-follow', async () => {
    const { aws, simulator } = await smallWorld({ accounts: 4000, latencyMs: 25 }, { concurrency: 1 });
    await start({ follow: false });
    await until(() => simulator.requests.some(({ pageSize, page }) => pageSize === 500 && page === 3));
    const [execution] = aws.stateMachine.executions;
    const { code, stdout } = await status(execution?.name ?? '', { follow: false });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nExporting {2}[1-7] of 8 pages, [1-3],[05]00 accounts\n$/);
    const json = JSON.parse((await status(execution?.name ?? '', { follow: false, json: true })).stdout);
    expect(json).toMatchObject({ status: 'running', stoppedAt: null, pages: 8, output: null });
  });

  it('stops a run with --stop, keeps its finished pages and says how to go on', async () => {
    const { aws, simulator } = await smallWorld({ accounts: 4000, latencyMs: 25 }, { concurrency: 1 });
    await start({ follow: false });
    await until(() => simulator.requests.some(({ pageSize, page }) => pageSize === 500 && page === 3));
    const [execution] = aws.stateMachine.executions;
    const name = execution?.name ?? '';
    const { code, stdout, stderr } = await status(name, { stop: true });
    expect({ code, stderr, status: execution?.status }).toEqual({ code: 0, stderr: '', status: 'ABORTED' });
    expect(stdout).toMatch(/^Stopped {4}run \S+\n {11}[1-7] of 8 pages are done and kept\nTo go on: {2}/);
    expect(stdout.split('\n')[2]).toBe(`To go on:  npm run --silent account-export -- redrive ${name}`);
    expect(execution?.error).toBe('Stopped');
    expect(await status(name)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: Run "\S+" was stopped: [1-7] of 8 pages are done and kept\.\nTo go on:/),
    });
    expect((await redrive(name)).code).toBe(0);
  });

  it('refuses to stop a run that has ended', async () => {
    const { aws } = await smallWorld();
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(await sentenceOf(() => showStatus(name, { ...STACK_FLAGS, stop: true }))).toBe(
      `Run "${name}" has ended already (published): there is nothing to stop.`,
    );
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });
});

describe('redrive', () => {
  it('fetches no finished page again, however often the run is taken up', async () => {
    const { aws, simulator } = await smallWorld(brokenPage(5, 2), { concurrency: 1 });
    await start();
    const first = aws.stateMachine.executions[0]?.name ?? '';
    const done = () =>
      [...aws.stateMachine.storage.objects.keys()].filter((key) => key.startsWith(`work/run_id=${first}/pages/`))
        .length;
    const afterFirst = done();
    expect(afterFirst).toBeGreaterThan(0);
    expect((await redrive(first)).code).toBe(1);
    const second = aws.stateMachine.executions[0]?.name ?? '';
    const afterSecond = done();
    const before = simulator.requests.length;

    const { code, stdout } = await redrive(second);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Started {4}run \\S+, which goes on with run ${first}\\n`));
    expect(stdout).toContain('taken up from before: finished pages are not fetched again');
    expect(stdout).toContain(`  run      ${first}`);
    const fetched = simulator.requests.slice(before).filter(({ pageSize, page }) => pageSize === 500 && page < 8);
    expect(fetched).toHaveLength(8 - afterSecond);
    expect(
      aws
        .callsOf('StartExecution')
        .slice(1)
        .map(({ input }) => input.input),
    ).toEqual([`{"resume":"${first}"}`, `{"resume":"${first}"}`]);
  });

  it('refuses a run that is still running', async () => {
    const { aws } = await smallWorld({ accounts: 4000, latencyMs: 50 });
    await start({ follow: false });
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(await sentenceOf(() => resumeRun(name, STACK_FLAGS))).toBe(
      `Run "${name}" is still running: follow it with npm run --silent account-export -- status ${name}`,
    );
    expect(aws.callsOf('StartExecution')).toHaveLength(1);
  });

  it.each([
    ['published', {}, 'has succeeded: there is nothing to redrive.'],
    ['dry', { dryRun: true }, 'was a dry run and has no pages: there is nothing to redrive.'],
  ])('refuses a run that succeeded: %s', async (_name, flags, why) => {
    const { aws } = await smallWorld();
    await start(flags);
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(await sentenceOf(() => resumeRun(name, STACK_FLAGS))).toBe(`Run "${name}" ${why}`);
    expect(aws.callsOf('StartExecution')).toHaveLength(1);
  });

  it('refuses a run that was held back, and publishes it as it is once somebody asked for that', async () => {
    const { aws, simulator } = await smallWorld();
    await start();
    simulator.tenant.setTotal(100);
    const heldBack = await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(heldBack.code).toBe(1);
    expect(heldBack.stderr).toMatch(/^error: Run "\S+" has 100 accounts where .* \{"publish":"\S+"\}\.[^\n]*\n/);
    expect(heldBack.stderr.split('\n')[1]).toBe(
      `To publish it as it is:  npm run --silent account-export -- publish ${name}`,
    );
    expect(await sentenceOf(() => resumeRun(name, STACK_FLAGS))).toBe(
      `Run "${name}" was held back with all its pages: publish it as it is with npm run --silent account-export -- publish ${name} or start its export again.`,
    );

    const input = `{"publish":"${name}"}`;
    aws.stateMachine.add({ name: 'asked', input, startDate: 1, stopDate: 2, status: 'FAILED', error: 'StorageError' });
    const { code, stdout } = await redrive('asked');
    expect(code).toBe(0);
    expect(stdout).toContain('Published  100 accounts');
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(input);
  });

  it('gives a run that its budget stopped another one', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    await start({ maxRecords: 10_000 });
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect((await redrive(name, { maxRecords: 20_000 })).code).toBe(0);
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(`{"resume":"${name}","maxRecords":20000}`);
  });
});

describe('publish', () => {
  it('publishes a run that was held back, as it is, without asking the API', async () => {
    const { aws, simulator } = await smallWorld();
    await start();
    simulator.tenant.setTotal(100);
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    const asked = simulator.requests.length;
    const { code, stdout } = await said(() => publishDeployed(name, STACK_FLAGS, quickSleep().sleep));
    expect({ code, asked: simulator.requests.length }).toEqual({ code: 0, asked });
    expect(stdout).toMatch(new RegExp(`^Started {4}run \\S+, which publishes run ${name}\n`));
    expect(stdout).toContain('Published  100 accounts');
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(`{"publish":"${name}"}`);
  });

  it('says that a run was not held back', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    const { code, stderr } = await said(() => publishDeployed(name, STACK_FLAGS, quickSleep().sleep));
    expect(code).toBe(1);
    expect(stderr).toContain(`error: Run "${name}" was not held back, so there is nothing to publish:`);
  });
});
