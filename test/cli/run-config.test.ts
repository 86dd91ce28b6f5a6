/** `run --config`: a configured export on one machine, as the state machine would run it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import { resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { type StoredPlan, StoredPlanSchema } from '../../functions/model/run.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';

const CONFIGURATION = {
  accountName: 'acme',
  instance: 'us-5',
  concurrency: 3,
  alarmEmail: 'data-team@example.com',
  network: { fixedEgressIp: true },
  exports: [
    {
      name: 'daily',
      datasetId: 'engage',
      format: 'csv',
      window: 'P7D',
      pageSize: 100,
      attributeColumns: ['industry'],
      maxRecords: 5000,
      onDrift: 'fail',
      maxDropPercent: 20,
      overlap: 'allow',
      // Over, which matters to a deployment only.
      schedule: 'at(2020-01-01T06:00:00)',
    },
    { name: 'emea', datasetId: 'engage', filter: 'Tier 1', segmentationId: 'S', start: 1000, end: 2000, pageSize: 500 },
    {
      ...{ name: 'wide', datasetId: 'engage', format: 'csv', compression: 'zstd' },
      attributeColumns: ['industry', 'region'],
    },
  ],
};

const running: Simulator[] = [];
afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close();
});

async function written(configuration: object | undefined, more: object = {}) {
  const folder = await temporaryFolder();
  const file = join(folder, 'cdk.json');
  await writeFile(file, JSON.stringify({ app: 'node app.mjs', context: { accountExport: configuration, ...more } }));
  return { folder, file };
}

async function configured(configuration: object = CONFIGURATION) {
  const { folder, file } = await written(configuration);
  const simulator = await startSimulator({ accounts: 250, latencyMs: 5, segments: { 'Tier 1': 0.5 } });
  running.push(simulator);
  const out = join(folder, 'out');
  const run = (...flags: string[]) =>
    commandLine(['run', '--config', file, '--api-url', simulator.url, '--out', out, '--run-id', 'r', ...flags]);
  const plan = async (): Promise<StoredPlan> =>
    StoredPlanSchema.parse(JSON.parse(await readFile(join(out, 'work/run_id=r/plan.json'), 'utf8')));
  return { file, simulator, out, run, plan };
}

describe('a run of a configured export', () => {
  it.each(CONFIGURATION.exports.map(({ name }) => name))('pins what the state machine would pin: %s', async (name) => {
    const { run, plan, file } = await configured();
    const { code, stdout } = await run('--export', name);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe(`Export     ${name} of ${file}`);
    const { run: pinned, maxRecords } = await plan();
    const { exports } = parseStackConfig(CONFIGURATION);
    const { settings, parameters } = resolveRequest({ exportName: name }, exports, pinned.startedAt);
    expect(pinned).toMatchObject({
      exportName: name,
      datasetId: settings.datasetId,
      format: settings.format,
      compression: settings.compression ?? 'gzip',
      parameters: JSON.parse(JSON.stringify(parameters)),
      onDrift: settings.onDrift,
      maxDropPercent: settings.maxDropPercent,
    });
    expect(maxRecords).toBe(settings.maxRecords);
    // All CSV exports share a table.
    if (settings.format === 'csv')
      expect(pinned.csv?.columns.slice(0, pinned.csv.tableColumns).slice(-2)).toEqual(['industry', 'region']);
  });

  it('sends at most as many requests at once as configured', async () => {
    const { simulator, run } = await configured();
    expect((await run('--export', 'daily')).code).toBe(0);
    expect(simulator.maxInFlight()).toBeLessThanOrEqual(3);
  });

  it('can be overridden by flags', async () => {
    const { run, plan } = await configured();
    const flags = ['--format', 'json', '--page-size', '50', '--start', '5', '--end', '6', '--max-records', '900'];
    expect((await run('--export', 'daily', '--on-drift', 'retry', ...flags)).code).toBe(0);
    const { run: pinned, maxRecords } = await plan();
    expect(pinned).toMatchObject({ format: 'json', onDrift: 'retry', parameters: { start: 5, end: 6, pageSize: 50 } });
    expect(maxRecords).toBe(900);
  });

  it('has the compression of the configuration, or of the flag', async () => {
    const { run, plan, out } = await configured();
    const parts = async () => (await readdir(out, { recursive: true })).filter((name) => name.includes('part-00000'));
    expect((await run('--export', 'wide')).code).toBe(0);
    expect((await plan()).run.compression).toBe('zstd');
    expect(await parts()).toEqual([expect.stringMatching(/^accounts_csv\/.*\/part-00000\.csv\.zst$/)]);
    expect((await run('--export', 'daily', '--run-id', 's', '--format', 'json', '--compression', 'zstd')).code).toBe(0);
    expect(await parts()).toContainEqual(expect.stringMatching(/run_id=s\/part-00000\.json\.zst$/));
    const refused = await run('--export', 'wide', '--run-id', 't', '--format', 'parquet', '--compression', 'gzip');
    expect(refused).toMatchObject({
      code: 2,
      stderr:
        'error: Invalid command line: --compression must be "zstd" or absent for --format parquet (got "gzip").\n',
    });
    expect((await run('--export', 'wide', '--run-id', 't', '--format', 'parquet')).code).toBe(0);
  });

  it('keeps its dataset and its segment', async () => {
    const { run } = await configured();
    const { code, stderr } = await run('--export', 'daily', '--filter', 'Other');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Conflicting flags \(--config and --filter\): pass only one of them/);
  });

  it('needs no --export if there is only one', async () => {
    const { run, plan } = await configured({ ...CONFIGURATION, exports: CONFIGURATION.exports.slice(0, 1) });
    expect((await run()).code).toBe(0);
    expect((await plan()).run.exportName).toBe('daily');
  });

  it('asks the configured host', async () => {
    const { file } = await written(CONFIGURATION);
    const run = (...flags: string[]) =>
      commandLine(['run', '--config', file, '--export', 'daily', '--out', '/proc/x', ...flags]);
    // The host is checked before the destination.
    expect((await run('--account', 'no host')).stderr).toMatch(/^error: Invalid --account/);
    expect((await run()).stderr).toMatch(/^error: Cannot write to --out/);
  });
});

describe('a configuration that cannot be used', () => {
  it.each<[string, string[], RegExp]>([
    [
      'an unknown export',
      ['--export', 'x'],
      /^error: Unknown export "x" \(configured: daily, emea, wide\): check --export/,
    ],
    ['no choice', [], /^error: Missing --export: \S+cdk\.json configures 3 exports \(daily, emea, wide\)\.\n$/],
    [
      'a dataset',
      ['--dataset', 'd'],
      /^error: Conflicting flags \(--config and --dataset\): pass only one of them\.\n$/,
    ],
    ['a name', ['--name', 'n'], /^error: Conflicting flags \(--config and --name\)/],
  ])('is refused before anything is sent: %s', async (_what, flags, message) => {
    const { file } = await written(CONFIGURATION);
    const { code, stdout, stderr } = await commandLine(['run', '--config', file, ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('is refused with the names of its keys, by the rules of the stack', async () => {
    const { file } = await written({ ...CONFIGURATION, instance: 'us 5', exports: [{ name: 'a', pageSize: 0 }] });
    const { code, stderr } = await commandLine(['run', '--config', file]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      `error: Invalid accountExport configuration in ${file}: instance must be one part of the host name`,
    );
    expect(stderr).toContain('exports[0].datasetId must have up to 128');
    expect(stderr).toContain('exports[0].pageSize must be an integer from 1 to 50000 (got 0)');
  });

  it.each([
    ['{"context":{}}', /^error: No configuration in \S+ \(context\.accountExport is missing\)/],
    ['{"context":[]}', /^error: Invalid content of /],
    ['{\n "a": b }', /^error: Invalid JSON in \S+cdk\.json( \(line 2 column 7\))?: correct the file\.\n$/],
  ])('is refused as a file: %s', async (content, message) => {
    const file = join(await temporaryFolder(), 'cdk.json');
    await writeFile(file, content);
    const { code, stderr } = await commandLine(['run', '--config', file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('is refused if it is missing or a folder', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'cdk.json'));
    const run = async (file: string) => (await commandLine(['run', '--config', join(folder, file)])).stderr;
    expect(await run('no.json')).toMatch(/^error: There is no file \S+no\.json: pass the path of a cdk\.json\.\n$/);
    expect(await run('cdk.json')).toMatch(/^error: Cannot read \S+cdk\.json \(EISDIR\)/);
  });

  it('is needed for --export', async () => {
    const { code, stderr } = await commandLine(['run', '--dataset', 'd', '--export', 'daily']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'error: Conflicting flags: --export needs --config.\n' });
  });
});

it('is read without the CDK, which users of the command line do not have', async () => {
  const { metafile } = await build({
    entryPoints: ['cli/local/configuration.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
    outdir: '.',
  });
  const packages = Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  expect(packages).toContain('zod');
  expect(packages.filter((path) => /aws-cdk|constructs/.test(path))).toEqual([]);
});
