/** `runs`, with executions of every kind. */
import { describe, expect, it } from 'vitest';
import { cli, publishedOf, smallWorld } from '../support/small-aws-world.ts';

const at = (time: string) => Date.parse(time) / 1000;

/** One execution of each kind, the newest last. */
async function manyRuns() {
  const { aws } = await smallWorld();
  const add = aws.stateMachine.add.bind(aws.stateMachine);
  add({
    name: '20260820T020000Z-0001',
    input: '{}',
    startDate: at('2026-08-20T02:00:00Z'),
    stopDate: at('2026-08-20T03:20:00Z'),
    status: 'SUCCEEDED',
    output: JSON.stringify({ ...publishedOf(1_234_567), pages: 1235 }),
  });
  add({
    name: '20260821T020000Z-0002',
    input: '{"exportName":"an-export-with-a-long-name"}',
    startDate: at('2026-08-21T02:00:00Z'),
    stopDate: at('2026-08-21T02:03:00Z'),
    status: 'FAILED',
    error: 'ApiCredentialsError',
    cause: 'The API refused the key.',
  });
  add({
    name: '4e9e43b0-2b18-4d0f-8b1c-2a87d4f0b1cd',
    input: '{"resume":"20260821T020000Z-0002"}',
    startDate: at('2026-08-22T02:00:00Z'),
    stopDate: at('2026-08-22T02:00:42Z'),
    status: 'ABORTED',
  });
  add({
    name: '20260823T020000Z-0004',
    input: '{"datasetId":"engage"}',
    startDate: at('2026-08-23T02:00:00Z'),
    stopDate: at('2026-08-23T02:00:42Z'),
    status: 'TIMED_OUT',
  });
  add({
    name: '20260824T020000Z-0005',
    input: '{"exportName":"all-accounts"}',
    startDate: at('2026-08-24T02:00:00Z'),
    stopDate: at('2026-08-24T02:00:01Z'),
    status: 'SUCCEEDED',
    output: '{"outcome":"skipped","exportName":"all-accounts","reason":"Another run is running."}',
  });
  add({ name: '20260825T020000Z-0006', input: '{}', startDate: Date.now() / 1000 - 42, status: 'RUNNING' });
  return aws;
}

describe('runs', () => {
  it('lists runs of every kind, newest first, within 80 columns', async () => {
    await manyRuns();
    const { code, stdout } = await cli('runs');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^20260825T020000Z-0006 - +running +[A-Z][a-z]{2} \d\d \d\d:\d\d +\d+ s$/);
    expect([lines[0], ...lines.slice(2)]).toEqual([
      'run                   export         status    started UTC        took  accounts',
      '20260824T020000Z-0005 all-accounts   skipped   Aug 24 02:00        1 s',
      '20260823T020000Z-0004 engage         timed out Aug 23 02:00       42 s',
      '4e9e43b0-2b18-4d0f-8b an-export-wit… stopped   Aug 22 02:00       42 s',
      '1c-2a87d4f0b1cd',
      '20260821T020000Z-0002 an-export-wit… failed    Aug 21 02:00      3 min',
      '20260820T020000Z-0001 all-accounts   published Aug 20 02:00 1 h 20 min 1,234,567',
    ]);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it('prints an array with --json, with complete ids and names', async () => {
    await manyRuns();
    const { stdout } = await cli('runs', '--json');
    const listed = JSON.parse(stdout);
    expect(listed.map(({ status }: { status: string }) => status)).toEqual([
      'running',
      'skipped',
      'timed out',
      'stopped',
      'failed',
      'published',
    ]);
    expect(listed[3]).toMatchObject({
      runId: '4e9e43b0-2b18-4d0f-8b1c-2a87d4f0b1cd',
      resumes: '20260821T020000Z-0002',
      exportName: 'an-export-with-a-long-name',
    });
    expect(listed[4]).toMatchObject({ error: 'ApiCredentialsError', cause: 'The API refused the key.' });
    expect(listed[5]).toMatchObject({ accounts: 1234567, pages: 1235, pagesDone: 1235 });
  });

  it.each([1, 3, 4])('lists and describes at most --limit %i', async (limit) => {
    const aws = await manyRuns();
    const { stdout } = await cli('runs', '--limit', String(limit), '--json');
    expect(JSON.parse(stdout)).toHaveLength(limit);
    const described = aws.callsOf('DescribeExecution').map(({ input }) => String(input.executionArn).split(':').at(-1));
    // The fourth resumes another run, which has the export name.
    expect(described).toHaveLength(limit === 4 ? 5 : limit);
  });

  it('reports that there are no runs', async () => {
    await smallWorld();
    expect((await cli('runs')).stdout).toBe('Stack AccountExport in eu-west-1 has no runs.\n');
    expect((await cli('runs', '--json')).stdout).toBe('[]\n');
  });
});
