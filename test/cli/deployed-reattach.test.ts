/** `reattach`, with a bucket of published runs and a catalog that lost their partitions. */
import { GlueClient } from '@aws-sdk/client-glue';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { publishedManifest } from '../export/planned-run.ts';
import { account, arrayApi } from '../support/array-api.ts';
import { commandLine } from '../support/command-line.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { cli, STATE_MACHINE, smallWorld } from '../support/small-aws-world.ts';
import { type GlueCall, startSmallGlue } from '../support/small-glue.ts';
import { startSmallS3 } from '../support/small-s3.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A deployed stack with an empty bucket and catalog. */
async function emptyStack(fail?: (call: GlueCall) => { status: number; type: string } | undefined) {
  const s3 = await startSmallS3(['exports']);
  const glue = await startSmallGlue(fail);
  closing.push(s3.close, glue.close);
  await smallWorld(
    {},
    { outputs: { StateMachineArn: STATE_MACHINE, BucketName: 'exports', Workgroup: 'account_export' } },
  );
  vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.url);
  vi.stubEnv('AWS_ENDPOINT_URL_GLUE', glue.url);
  const asJson = () => JSON.stringify(Object.fromEntries([...glue.partitions].sort()), null, 1);
  return { s3, glue, partitions: asJson };
}

/** The same stack after runs of all formats were published: two exports, of which one changed its format. */
async function publishedStack() {
  const stack = await emptyStack();
  const { store, objects } = memoryStore();
  const list = ['a', 'b', 'c'].map((name) => account(name, ',"region":"EMEA"'));
  const { api } = arrayApi({ list });
  const runs: PublishedRun[] = [];
  const publish = async (runId: string, request: object) => {
    const steps = runSteps(api, store, runId);
    await steps.all(request);
    runs.push(...steps.partitions);
  };
  await publish('json-20', { dueAt: '2026-08-20' });
  await publish('parquet-21', { dueAt: '2026-08-21', format: 'parquet' });
  await publish('csv-22', { dueAt: '2026-08-22', exportName: 'other', format: 'csv', attributeColumns: ['industry'] });
  for (const [key, body] of objects) stack.s3.put('exports', key, body);
  const client = new GlueClient({ endpoint: stack.glue.url, region: 'eu-west-1' });
  const catalog = glueCatalog({ client, database: 'account_export', bucket: 'exports', sleep: async () => undefined });
  for (const run of runs) await catalog.addRun(run);
  client.destroy();
  stack.glue.calls.splice(0);
  return stack;
}

describe('reattach', () => {
  it('adds all runs again, as publishing added them, if the database was created again', async () => {
    const { glue, partitions } = await publishedStack();
    const before = partitions();
    expect(before).toContain('"newest_parquet all/2026-08-21/parquet-21"');
    expect(before).not.toContain('"newest_json');
    glue.partitions.clear();
    const { code, stdout, stderr } = await cli('reattach');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 1)).toEqual(['Reattached 3 of 3 published runs were missing; added 3']);
    expect(partitions()).toBe(before);
    expect((await cli('reattach')).stdout).toBe('Complete   3 published runs, all in the tables\n');
    expect(partitions()).toBe(before);
  });

  it('has a live line meanwhile', async () => {
    await publishedStack();
    const { stderr } = await commandLine(['reattach'], { isTTY: true });
    expect(stderr).toBe('\r\u001B[KComparing the published runs with the tables\r\u001B[K');
  });

  it('adds only what is missing, and corrects the tables of the newest runs', async () => {
    const { glue, partitions } = await publishedStack();
    const before = partitions();
    const older = glue.partitions.get('accounts_json all/2026-08-20/json-20');
    glue.partitions.delete('export_runs json-20');
    glue.partitions.delete('newest_csv other/2026-08-22/csv-22');
    if (older) glue.partitions.set('newest_json all/2026-08-20/json-20', { ...older, Parameters: {} });
    const { stdout } = await cli('reattach', '--json');
    expect(JSON.parse(stdout)).toEqual({ runs: 3, missing: ['csv-22', 'json-20'], incomplete: [], dryRun: false });
    expect(partitions()).toBe(before);
    const added = glue.calls.filter(({ action }) => action === 'BatchCreatePartition').map(({ input }) => input);
    expect(added.map(({ TableName }) => TableName)).toEqual(['newest_csv', 'export_runs']);
  });

  it('changes nothing with --dry-run', async () => {
    const { glue } = await publishedStack();
    glue.partitions.delete('export_runs json-20');
    const { code, stdout } = await cli('reattach', '--dry-run');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Dry run    1 of 3 published runs are missing\n           json-20\n',
    });
    expect([...new Set(glue.calls.map(({ action }) => action))]).toEqual(['GetPartitions']);
  });

  it('adds 100 partitions with one request, the newest run first, and export_runs last', async () => {
    const { s3, glue } = await emptyStack();
    for (let i = 0; i < 150; i++) {
      const at = new Date(Date.parse('2026-01-01') + i * 86_400_000).toISOString();
      const run = { runId: `run-${i}`, dueAt: at, publishedAt: at, pages: 1 };
      const folder = `accounts_json/export_name=all/export_date=${at.slice(0, 10)}/run_id=run-${i}`;
      s3.put('exports', `${folder}/part-00000.json.gz`, Buffer.from('part'));
      s3.put(
        'exports',
        `export_runs/run_id=run-${i}/manifest.json`,
        Buffer.from(JSON.stringify({ ...publishedManifest(), ...run })),
      );
    }
    const { stdout } = await cli('reattach');
    expect(stdout).toContain('Reattached 150 of 150 published runs were missing; added 150\n');
    expect(stdout.split('\n')).toHaveLength(13);
    const added = glue.calls.flatMap(({ action, input }) =>
      action === 'BatchCreatePartition'
        ? [[input.TableName, input.PartitionInputList as { Values: string[] }[]] as const]
        : [],
    );
    expect(added.map(([table, { length }]) => `${table} ${length}`)).toEqual([
      'accounts_json 100',
      'accounts_json 50',
      'newest_json 1',
      'export_runs 100',
      'export_runs 50',
    ]);
    expect(added[3]?.[1][0]?.Values).toEqual(['run-149']);
  });

  it('accepts a partition that another command adds at the same moment', async () => {
    const { glue, partitions } = await publishedStack();
    const before = partitions();
    const there = glue.partitions.get('export_runs json-20');
    glue.partitions.delete('export_runs json-20');
    const { calls } = glue;
    const push = calls.push.bind(calls);
    calls.push = (...more) => {
      if (more[0]?.action === 'BatchCreatePartition' && there) glue.partitions.set('export_runs json-20', there);
      return push(...more);
    };
    expect((await cli('reattach')).code).toBe(0);
    expect(partitions()).toBe(before);
  });

  it('does not show a run whose deletion was interrupted', async () => {
    const { s3, glue } = await publishedStack();
    const manifest = JSON.parse(
      s3.object('exports', 'export_runs/run_id=json-20/manifest.json')?.toString() ?? '',
    ) as object;
    s3.put(
      'exports',
      'export_runs/run_id=json-20/manifest.json',
      Buffer.from(JSON.stringify({ ...manifest, pages: 2 })),
    );
    glue.partitions.clear();
    const { code, stdout } = await cli('reattach');
    expect(code).toBe(0);
    expect(stdout).toContain('Reattached 3 of 3 published runs were missing; added 2\n');
    expect(stdout).toContain('Warning    1 run cannot be added: parts are missing, because the\n');
    expect([...glue.partitions.keys()].filter((key) => key.includes('json-20'))).toEqual([]);
  });

  it('reports a partition with another location before it changes anything, and a missing permission', async () => {
    const { glue } = await publishedStack();
    const run = glue.partitions.get('export_runs csv-22');
    if (run)
      glue.partitions.set('export_runs csv-22', { ...run, StorageDescriptor: { Location: 's3://old/', Columns: [] } });
    glue.partitions.delete('accounts_json all/2026-08-20/json-20');
    const { code, stderr } = await cli('reattach');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'error: Partition csv-22 of account_export.export_runs already exists with another location (s3://old/, expected s3://exports/export_runs/run_id=csv-22/): delete that partition, then resume the run.\n',
    });
    expect(glue.calls.map(({ action }) => action)).not.toContain('BatchCreatePartition');
    await emptyStack();
    const denied = await emptyStack(() => ({ status: 400, type: 'AccessDeniedException' }));
    denied.s3.put(
      'exports',
      'export_runs/run_id=run-1/manifest.json',
      Buffer.from(JSON.stringify(publishedManifest())),
    );
    expect((await cli('reattach')).stderr).toMatch(
      /^error: Listing the partitions of account_export\.accounts_json failed \(AccessDeniedException\)/,
    );
  });
});
