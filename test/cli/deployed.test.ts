/** Runs of the real workflow behind a small AWS: start, resume and publish. */
import { describe, expect, it } from 'vitest';
import { THROTTLED } from '../support/small-aws.ts';
import { brokenPage, cli, smallWorld, start } from '../support/small-aws-world.ts';

const RUN_ID = /\d{8}T\d{6}Z-[0-9a-f]{4}/;
const CLI = 'npm run --silent account-export --';
const FAILED = { startDate: 1, stopDate: 2, status: 'FAILED' } as const;

describe('start', () => {
  it('starts one run and follows it to its end, even if AWS throttles', async () => {
    const { aws } = await smallWorld(
      {},
      { fail: ({ action }, nth) => (action === 'StartExecution' && nth <= 2 ? THROTTLED : undefined) },
    );
    const { code, stdout, stderr } = await start();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^Started {4}run \d{8}T\d{6}Z-[0-9a-f]{4} of export all-accounts$/);
    expect(lines[1]).toBe('Planned    1,234 accounts in 3 pages of 500');
    expect(lines[2]).toMatch(/^ {11}counted with \d+ requests in \d+ rounds \(\d+ records\)$/);
    expect(lines[3]).toMatch(/^Published {2}1,234 accounts in [\d.]+ s, [\d.]+ kB$/);
    expect(lines).toContain(`  run      ${RUN_ID.exec(lines[0] ?? '')?.[0]}`);
    expect(aws.stateMachine.executions).toHaveLength(1);
    expect(aws.callsOf('StartExecution')).toHaveLength(3);
  });

  it('passes every flag to the execution, and nothing else', async () => {
    const { aws } = await smallWorld();
    const flags =
      '--dataset engage --format csv --page-size 250 --filter everyone --start 1767225600000 --end 2026-02-01 ' +
      '--segmentation-id s1 --segment-id everyone --attribute-columns industry,region --max-records 5000 ' +
      '--on-drift fail --max-drop-percent 10 --overlap allow --due 2026-08-07T06:00:00Z --dry-run';
    const { code, stdout } = await cli('start', 'ad-hoc', ...flags.split(' '), '--no-follow', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runId: expect.stringMatching(RUN_ID), exportName: 'ad-hoc' });
    const [call] = aws.callsOf('StartExecution');
    expect(JSON.parse(String(call?.input.input))).toEqual({
      exportName: 'ad-hoc',
      datasetId: 'engage',
      format: 'csv',
      pageSize: 250,
      filter: 'everyone',
      start: 1767225600000,
      end: '2026-02-01',
      segmentationId: 's1',
      segmentId: 'everyone',
      attributeColumns: ['industry', 'region'],
      maxRecords: 5000,
      onDrift: 'fail',
      maxDropPercent: 10,
      overlap: 'allow',
      dueAt: '2026-08-07T06:00:00Z',
      dryRun: true,
    });
    expect(call?.input).toMatchObject({
      name: expect.stringMatching(RUN_ID),
      stateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow',
    });
  });

  it('prints with --no-follow how to follow the run', async () => {
    const { aws } = await smallWorld();
    const { code, stdout } = await start('--no-follow');
    const name = aws.stateMachine.executions[0]?.name;
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Started    run ${name} of export all-accounts\nFollow it: ${CLI} status ${name}\n`,
    });
  });
});

describe('resume', () => {
  it('fetches no finished page again, however often the run was resumed', async () => {
    const { aws, simulator } = await smallWorld(brokenPage(7, 2), { concurrency: 1 });
    await start();
    const first = aws.stateMachine.executions[0]?.name ?? '';
    expect((await cli('resume', first)).code).toBe(1);
    const second = aws.stateMachine.executions[0]?.name ?? '';
    const before = simulator.requests.length;

    const { code, stdout } = await cli('resume', second);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Started {4}run \\S+, which resumes run ${first}\\n`));
    expect(stdout).toContain('resumed: finished pages are not fetched again');
    expect(stdout).toContain(`  run      ${first}`);
    const pages = simulator.requests.slice(before).flatMap(({ pageSize, page }) => (pageSize === 500 ? [page] : []));
    // Page 6 may not have been written when page 7 failed.
    expect(pages.filter((page) => page < 8 && page !== 6)).toEqual([7]);
    const inputs = aws.callsOf('StartExecution').map(({ input }) => input.input);
    expect(inputs.slice(1)).toEqual([`{"resume":"${first}"}`, `{"resume":"${first}"}`]);
  });

  it('passes a new record budget, also under its alias redrive', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    await start('--max-records', '10000');
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect((await cli('redrive', name, '--max-records', '20000')).code).toBe(0);
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(`{"resume":"${name}","maxRecords":20000}`);
  });

  it('publishes, if the run is a publication that failed', async () => {
    const { aws } = await smallWorld();
    const input = '{"publish":"quarantined"}';
    aws.stateMachine.add({ name: 'publication', input, error: 'StorageError', ...FAILED });
    expect((await cli('resume', 'publication', '--no-follow')).code).toBe(0);
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(input);
  });

  it.each(['quarantined', 'publication'])(
    'takes the id "%s" of a run that could not be published because its parts changed',
    async (name) => {
      const { aws } = await smallWorld();
      const input = '{"publish":"quarantined"}';
      aws.stateMachine.add({ name: 'quarantined', input: '{}', error: 'QuarantinedError', ...FAILED });
      aws.stateMachine.add({ name: 'publication', input, error: 'RunIncompleteError', ...FAILED });
      expect((await cli('status', 'publication')).stderr).toContain(`To resume: ${CLI} resume publication\n`);
      expect((await cli('resume', name, '--no-follow')).code).toBe(0);
      expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe('{"resume":"quarantined"}');
    },
  );

  it('checks a quarantined run again, which stays quarantined', async () => {
    const { aws, simulator } = await smallWorld();
    await start();
    simulator.tenant.setTotal(100);
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    const { code, stderr } = await cli('resume', name);
    const again = aws.stateMachine.executions[0]?.name ?? '';
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error: Run "${name}" is quarantined: `));
    expect(stderr).toContain(`\nTo publish: ${CLI} publish ${again}\n`);
    expect((await cli('publish', again)).code).toBe(0);
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(`{"publish":"${name}"}`);
  });
});

describe('publish', () => {
  it('publishes a quarantined run without an API request', async () => {
    const { aws, simulator } = await smallWorld();
    await start();
    simulator.tenant.setTotal(100);
    const quarantined = await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(quarantined.code).toBe(1);
    expect(quarantined.stderr.split('\n')[1]).toBe(`To publish: ${CLI} publish ${name}`);

    const requests = simulator.requests.length;
    const { code, stdout } = await cli('publish', name);
    expect({ code, requests: simulator.requests.length }).toEqual({ code: 0, requests });
    expect(stdout).toMatch(new RegExp(`^Started {4}run \\S+, which publishes run ${name}\n`));
    expect(stdout).toContain('Published  100 accounts');
    expect(aws.callsOf('StartExecution').at(-1)?.input.input).toBe(`{"publish":"${name}"}`);
  });

  it('fails for a run that is not quarantined', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    const { code, stderr } = await cli('publish', name);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error: .*"${name}"`));
  });
});
