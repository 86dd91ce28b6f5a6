/**
 * The npm package, packed and installed into empty folders: the construct in a CommonJS app and an ES module app, deployed once,
 * and the command line through npx.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { deployStack, type EmulatedAws, startEmulatedAws } from './deployed-stack.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const NODE = join(PROJECT, 'node_modules', '.bin', 'node');
const MAX_TARBALL_BYTES = 6_000_000;
const MAX_INSTALLED_BYTES = 60_000_000;
/** In both module systems, with the settings of the project's `cdk.json`. */
const APPS = {
  'app.cjs': `
    const { App, Stack } = require('aws-cdk-lib');
    const { AccountExport } = require('account-export');`,
  'app.mjs': `
    import { App, Stack } from 'aws-cdk-lib';
    import { AccountExport } from 'account-export';`,
};
const BODY = `
    const app = new App();
    const { stackName, ...settings } = app.node.tryGetContext('accountExport');
    const stack = new Stack(app, stackName);
    new AccountExport(stack, 'Default', settings);
    if (process.argv.includes('--two')) {
      new AccountExport(stack, 'Second', settings);
      new AccountExport(new Stack(app, 'Other'), 'Second', settings);
    }`;

const KEY = { PERSONALIZATION_API_KEY_ID: 'demo-key', PERSONALIZATION_API_KEY_SECRET: 'demo:secret' };
/** The oldest version that the package supports; the scripts of the project use a later one. */
const NODE_22 = 'node@22.23.3';

/** Without the settings of the npm command that started the tests. */
const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_')));
const execute = promisify(execFile);
const run = (program: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) =>
  execute(program, args, { env: ENV, ...options });
let folder: string;
let tarball: string;
let node22: string;
let emulated: EmulatedAws;
let simulator: Simulator;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-export-package-'));
  await run('npm', ['run', 'build'], { cwd: PROJECT });
  await run('npm', ['pack', '--pack-destination', folder], { cwd: join(PROJECT, 'dist') });
  const [name = ''] = await readdir(folder);
  tarball = join(folder, name);
  simulator = await startSimulator({ accounts: 1234 });
  await install('cli', []);
  await install('node', [NODE_22]);
  node22 = join(folder, 'node', 'node_modules', 'node', 'bin', 'node');
  const { dependencies } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const cdk = ['aws-cdk-lib', 'constructs'].map((one) => `${one}@${dependencies[one]}`);
  await install('app', [...cdk, `cdk-nag@${dependencies['cdk-nag']}`]);
  for (const [file, imports] of Object.entries(APPS)) await writeFile(join(folder, 'app', file), imports + BODY);
  await cp(join(PROJECT, 'examples'), join(folder, 'app'), { recursive: true });
  emulated = await startEmulatedAws();
}, 600_000);

afterAll(async () => {
  await emulated?.close();
  await simulator?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Installs the tarball and other packages into a new folder. */
async function install(name: string, others: readonly string[]): Promise<void> {
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'package.json'), JSON.stringify({ private: true }));
  await run('npm', ['install', '--no-audit', '--no-fund', tarball, ...others], { cwd: join(folder, name) });
}

/** The templates of an app, by stack. @param context of the CDK */
async function synthesize(
  file: string,
  context: object,
  args: readonly string[] = [],
): Promise<Record<string, Template>> {
  const out = await mkdtemp(join(folder, 'out-'));
  const env = { ...ENV, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) };
  await run(NODE, [file, ...args], { cwd: join(folder, 'app'), env });
  const files = (await readdir(out)).filter((name) => name.endsWith('.template.json'));
  const templates = files.map(async (name) => [
    name.replace('.template.json', ''),
    JSON.parse(await readFile(join(out, name), 'utf8')) as Template,
  ]);
  return Object.fromEntries(await Promise.all(templates)) as Record<string, Template>;
}

interface Template {
  readonly Outputs: object;
  readonly Mappings: object;
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: { readonly AlarmName?: string } }>
  >;
}

/** `cdk.json` of the project: its configuration, and the recommended feature flags. */
async function projectContext(): Promise<{ accountExport: object }> {
  const { context } = JSON.parse(await readFile(join(PROJECT, 'cdk.json'), 'utf8')) as {
    context: { accountExport: object };
  };
  return context;
}

async function bytesIn(path: string): Promise<number> {
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((file) => file.isFile())
    .map(async (file) => (await stat(join(file.parentPath, file.name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

it('is small, also when it is installed', async () => {
  const sizes = [(await stat(tarball)).size, await bytesIn(join(folder, 'cli', 'node_modules'))];
  process.stdout.write(`tarball ${sizes[0]} bytes, installed command line ${sizes[1]} bytes\n`);
  expect(sizes[0]).toBeLessThan(MAX_TARBALL_BYTES);
  expect(sizes[1]).toBeLessThan(MAX_INSTALLED_BYTES);
});

it('can be published', async () => {
  const { stderr } = await run('npm', ['publish', '--dry-run', '--access', 'public', tarball], { cwd: folder });
  expect(stderr).not.toContain('npm error');
});

describe('the construct', () => {
  it.each(Object.keys(APPS))('synthesizes the template of the clone: %s', async (file) => {
    const context = await projectContext();
    const { stackName } = parseStackConfig(context.accountExport);
    const own = await synthesize(file, { ...context, accountExport: { ...context.accountExport, stackName } });
    const out = await mkdtemp(join(folder, 'clone-'));
    const env = { ...ENV, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) };
    await run(NODE, ['infra/app.ts'], { cwd: PROJECT, env });
    const clone = JSON.parse(await readFile(join(out, `${stackName}.template.json`), 'utf8')) as Template;
    const { Resources, Outputs, Mappings } = withoutPaths(own[stackName]);
    // The stack around it adds a description.
    expect({ Resources, Outputs, Mappings }).toEqual(pick(withoutPaths(clone)));
  });

  it('synthesizes without feature flags', async () => {
    const { accountExport } = await projectContext();
    const { Data } = await synthesize('app.mjs', { accountExport: { ...accountExport, stackName: 'Data' } });
    expect(Object.keys(Data?.Resources ?? {}).length).toBeGreaterThan(50);
  });

  it('is there twice in a stack, and in another, without a clash', async () => {
    const { accountExport } = await projectContext();
    const context = { accountExport: { ...accountExport, stackName: 'Data' } };
    const templates = Object.values(await synthesize('app.mjs', context, ['--two']));
    const names = templates.flatMap(({ Resources }) =>
      Object.values(Resources).flatMap(({ Properties }) => Properties?.AlarmName ?? []),
    );
    expect(templates).toHaveLength(2);
    expect(names.length).toBeGreaterThan(30);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(['minimal.ts', 'full.ts'])('synthesizes examples/%s', async (example) => {
    const { Data } = await synthesize(example, {});
    expect(Object.keys(Data?.Resources ?? {}).length).toBeGreaterThan(50);
  });

  it('is deployed by the app that init writes', async () => {
    const cwd = join(folder, 'app', 'new');
    await mkdir(cwd);
    const flags = ['--account', 'acme', '--instance', 'us-5', '--dataset', 'engage', '--schedule', '06:00'];
    const start = join(folder, 'app', 'node_modules', 'account-export', 'cli', 'start.mjs');
    await run(NODE, [start, 'init', ...flags], { cwd });
    const { app, context } = JSON.parse(await readFile(join(cwd, 'cdk.json'), 'utf8')) as {
      app: string;
      context: object;
    };
    expect(app).toBe('node app.mjs');
    const { AccountExport } = await synthesize('new/app.mjs', context);
    expect(Object.keys(AccountExport?.Resources ?? {}).length).toBeGreaterThan(50);
  });

  it('names every invalid prop', async () => {
    const context = {
      accountExport: { stackName: 'Data', accountName: 'acme', instance: 'us 5', exports: [], concurrency: 0 },
    };
    const failed = await synthesize('app.cjs', context).catch((error: Error) => error.message);
    for (const prop of ['instance', 'exports', 'concurrency']) expect(failed).toContain(prop);
  });

  it('is deployed in the emulator, and exports', async () => {
    const app = `${JSON.stringify(NODE)} ${JSON.stringify(join(folder, 'app', 'app.cjs'))}`;
    const stack = await deployStack(emulated, { accounts: 120 }, { stackName: 'Data' }, app);
    try {
      const [, SecretId = ''] = /--secret-id (\S+) /.exec(stack.outputs.PutKeyCommand ?? '') ?? [];
      const SecretString = JSON.stringify({ keyId: 'demo-key', secret: 'demo:secret' });
      await stack.aws.secrets.putSecretValue({ SecretId, SecretString });
      const ended = await stack.execute({ exportName: 'all-accounts' }, 'from-the-package');
      expect(ended).toMatchObject({ status: 'SUCCEEDED', output: { accounts: 120 } });
    } finally {
      await stack.close();
    }
  });
});

it('is all that the container image installs', async () => {
  // There is no container engine here: the command of the Dockerfile runs in a folder with only what it copies.
  const image = join(folder, 'image');
  await mkdir(image);
  await cp(tarball, join(image, 'account-export-0.0.0.tgz'));
  const dockerfile = await readFile(join(PROJECT, 'Dockerfile'), 'utf8');
  const [, command = ''] = /^RUN (.+)$/m.exec(dockerfile) ?? [];
  const here = command.replaceAll('/tmp/', `${image}/`).replace('--global', `--global --prefix ${image}`);
  await run('sh', ['-c', here], { cwd: image });
  const { stdout } = await run(NODE, [join(image, 'bin', 'account-export'), '--version'], { cwd: image });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('the command line', () => {
  const npx = (...args: readonly string[]) => {
    const env = { ...ENV, ...KEY };
    return run('npx', ['--no-install', 'account-export', ...args], { cwd: join(folder, 'cli'), env });
  };

  it('exports', async () => {
    const { stdout } = await npx('run', '--api-url', simulator.url, '--dataset', 'engage', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ records: 1234, consistency: { verdict: 'consistent' } });
  });

  it('exports what init configured, without the CDK', async () => {
    const flags = ['--account', 'acme', '--instance', 'us-5', '--dataset', 'engage', '--schedule', 'none'];
    await npx('init', ...flags);
    const { stdout } = await npx(
      'run',
      '--config',
      'cdk.json',
      '--api-url',
      simulator.url,
      '--out',
      'configured',
      '--json',
    );
    expect(JSON.parse(stdout)).toMatchObject({ exportName: 'engage', records: 1234 });
  });

  it.each(['json', 'csv', 'parquet'])('exports %s on Node.js 22', async (format) => {
    const args = [
      'run',
      '--api-url',
      simulator.url,
      '--dataset',
      'engage',
      '--name',
      format,
      '--format',
      format,
      '--json',
    ];
    const env = { ...ENV, ...KEY };
    const { stdout } = await run(node22, [join('node_modules', '.bin', 'account-export'), ...args], {
      cwd: join(folder, 'cli'),
      env,
    });
    expect(JSON.parse(stdout)).toMatchObject({ records: 1234, consistency: { verdict: 'consistent' } });
  });

  it('says which Node.js it needs', async () => {
    const start = await readFile(join(folder, 'cli', 'node_modules', 'account-export', 'cli', 'start.mjs'), 'utf8');
    const old = start.replace('process.versions.node.split', "'20.19.0'.split");
    await writeFile(join(folder, 'cli', 'old.mjs'), old);
    const failed = (await run(NODE, ['old.mjs'], { cwd: join(folder, 'cli') }).catch((error: Error) => error)) as {
      stderr: string;
    };
    expect(failed.stderr).toMatch(/^error: Node\.js .* is too old: install Node\.js 22\.15 or later\.\n$/);
  });

  it('says how to install what query needs', async () => {
    const failed = await npx('query', 'SELECT 1').catch((error: { code: number; stderr: string }) => error);
    expect(failed).toHaveProperty('code', 2);
    expect((failed as { stderr: string }).stderr).toContain('npm install @duckdb/node-api');
  });

  it('simulates', async () => {
    const child = spawn('npx', ['--no-install', 'account-export', 'simulate', '--accounts', '10', '--port', '0'], {
      cwd: join(folder, 'cli'),
      detached: true,
    });
    const [line] = (await child.stdout.take(1).toArray()) as Buffer[];
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    expect(String(line)).toContain('Simulating 10 accounts');
  });
});

/** A template without construct paths, asset hashes, the versions that follow from them, and the way to start a command. */
function withoutPaths(template: Template | undefined): Template {
  const text = JSON.stringify(template, (key, value: unknown) => (key === 'Metadata' ? undefined : value));
  return JSON.parse(
    text
      .replaceAll('npm run --silent account-export --', 'npx account-export')
      .replaceAll(/[0-9a-f]{64}/g, 'HASH')
      .replaceAll(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1'),
  ) as Template;
}

function pick({ Resources, Outputs, Mappings }: Template): Partial<Template> {
  return { Resources, Outputs, Mappings };
}
