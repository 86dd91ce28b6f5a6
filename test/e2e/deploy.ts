/** Deploys a stack to the emulator with the CDK command line, as `npm run deploy` does. */
import { execFile } from 'node:child_process';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { ACCOUNT, type Emulator, REGION } from './emulator.ts';
import { createNamedQueries, namedQueriesOf } from './named-queries.ts';
import { type Change, fitForEmulator, type Template } from './template-changes.ts';

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const BOOTSTRAP = fileURLToPath(new URL('bootstrap', import.meta.url));
export interface Deployed {
  readonly outputs: Readonly<Record<string, string>>;
  readonly changes: readonly Change[];
}

export interface Deployment {
  /** Empty, for `cdk.json` and the synthesized app. */
  readonly folder: string;
  /** Of the simulator. */
  readonly apiUrl: string;
  /** What differs from `accountExport` in the project's `cdk.json`. */
  readonly config: { readonly stackName?: string };
  /** The command that synthesizes the app. @default the project's */
  readonly app?: string;
}

/** @throws Error with the last lines of the CDK output */
export async function deploy(
  emulator: Emulator,
  { folder, apiUrl, config, app: command }: Deployment,
): Promise<Deployed> {
  const { stackName = DEFAULT_STACK_NAME } = config;
  const app = join(folder, 'cdk.out');
  const settings = JSON.parse(await readFile(join(PROJECT, 'cdk.json'), 'utf8')) as Settings;
  const { accountExport } = settings.context;
  settings.app = command ?? ['tools/build/bundling.ts', 'infra/app.ts'].map(inProject).join(' && ');
  settings.context.accountExport = { ...accountExport, ...config };
  await writeFile(join(folder, 'cdk.json'), JSON.stringify(settings));
  const cdk = (args: readonly string[], environment: Readonly<Record<string, string>>) =>
    runCdk(folder, args, environment);
  await cdk(['synth', '--quiet', '--output', app], {});
  const file = join(app, `${stackName}.template.json`);
  const template = JSON.parse(await readFile(file, 'utf8')) as Template;
  const queries = namedQueriesOf(template);
  const changes = fitForEmulator(template, stackName, apiUrl);
  await writeFile(file, JSON.stringify(template));
  for (const name of await readdir(app)) {
    if (name.startsWith('asset.')) await copyFile(BOOTSTRAP, join(app, name, 'bootstrap'));
  }
  const outputs = join(folder, 'outputs.json');
  await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', app], emulator.environment);
  await cdk(['deploy', '--app', app, '--require-approval', 'never', '--outputs-file', outputs], emulator.environment);
  await createNamedQueries(emulator, queries);
  const written = JSON.parse(await readFile(outputs, 'utf8')) as Record<string, Record<string, string>>;
  return { outputs: written[stackName] ?? {}, changes };
}

const inProject = (file: string) => `node ${JSON.stringify(join(PROJECT, file))}`;

interface Settings {
  app: string;
  context: { accountExport: object };
}

async function runCdk(
  cwd: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { AWS_PROFILE: _profile, ...inherited } = process.env;
  const env = { ...inherited, ...environment, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' };
  try {
    await run(join(PROJECT, 'node_modules', '.bin', 'cdk'), args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const lines = `${stdout}${stderr}`.trim().split('\n');
    const relevant = [...lines.filter((line) => line.includes('FAILED')), ...lines.slice(-3)];
    throw new Error(`cdk ${args[0]} failed:\n${relevant.join('\n')}`);
  }
}
