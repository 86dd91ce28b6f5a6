/** The list of runs, from executions of every kind. */
import { describe, expect, it } from 'vitest';
import { showRuns } from '../../cli/commands/runs.ts';
import { STACK_FLAGS, said, smallWorld } from '../support/small-aws-world.ts';

const at = (time: string) => Date.parse(time) / 1000;
const runs = (flags = {}) => said(() => showRuns({ ...STACK_FLAGS, limit: 20, ...flags }));

const PUBLISHED = {
  status: 'published',
  runId: '20260820T020000Z-0001',
  exportName: 'all-accounts',
  accounts: 1_234_567,
  distinctAccounts: 1_234_567,
  pages: 1235,
  bytes: 1,
  seconds: 1,
  verdict: 'consistent',
  unmappedColumns: [],
  parts: 's3://bucket/',
  manifest: 's3://bucket/manifest.json',
};

/** One execution of each kind, the last one the newest. */
async function manyRuns() {
  const { aws } = await smallWorld();
  const add = aws.stateMachine.add.bind(aws.stateMachine);
  add({
    name: '20260820T020000Z-0001',
    input: '{}',
    startDate: at('2026-08-20T02:00:00Z'),
    stopDate: at('2026-08-20T03:20:00Z'),
    status: 'SUCCEEDED',
    output: JSON.stringify(PUBLISHED),
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
    output: '{"status":"skipped","exportName":"all-accounts","reason":"Another has it."}',
  });
  add({ name: '20260825T020000Z-0006', input: '{}', startDate: Date.now() / 1000 - 42, status: 'RUNNING' });
  return aws;
}

describe('runs', () => {
  it('lists runs of every kind, the newest first, within 80 columns', async () => {
    await manyRuns();
    const { code, stdout } = await runs();
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[1]).toMatch(/^20260825T020000Z-0006 - +running +[A-Z][a-z]{2} \d\d \d\d:\d\d +4[23] s$/);
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

  it('prints them as an array with --json, ids and names whole', async () => {
    await manyRuns();
    const { stdout } = await runs({ json: true });
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

  it.each([1, 3, 4])('lists no more than --limit %i, and describes no more', async (limit) => {
    const aws = await manyRuns();
    const { stdout } = await runs({ limit, json: true });
    expect(JSON.parse(stdout)).toHaveLength(limit);
    const described = aws.callsOf('DescribeExecution').map(({ input }) => String(input.executionArn).split(':').at(-1));
    // The run that the fourth goes on with is asked for its name.
    expect(described).toHaveLength(limit === 4 ? 5 : limit);
  });

  it('says so when there are none', async () => {
    await smallWorld();
    expect((await runs()).stdout).toBe('Stack AccountExport in eu-west-1 has no runs yet.\n');
    expect((await runs({ json: true })).stdout).toBe('[]\n');
  });
});
