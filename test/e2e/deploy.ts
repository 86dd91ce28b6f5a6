/** Deploys the synthesized stack to the emulator with the CDK command line, as `npm run deploy` does. */
import { execFile } from 'node:child_process';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ACCOUNT, type Emulator, REGION } from './emulator.ts';
import { createNamedQueries, namedQueriesOf } from './named-queries.ts';
import { type Change, fitForEmulator, type Template } from './template-changes.ts';

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const BOOTSTRAP = fileURLToPath(new URL('bootstrap', import.meta.url));
const STACK = 'AccountExport';

export interface Deployed {
  readonly outputs: Readonly<Record<string, string>>;
  readonly changes: readonly Change[];
}

/**
 * @param folder empty, for the synthesized app
 * @param apiUrl of the simulator
 * @throws Error with the last lines of the CDK output
 */
export async function deploy(emulator: Emulator, folder: string, apiUrl: string): Promise<Deployed> {
  const app = join(folder, 'cdk.out');
  await cdk(['synth', '--quiet', '--output', app], {});
  const file = join(app, `${STACK}.template.json`);
  const template = JSON.parse(await readFile(file, 'utf8')) as Template;
  const queries = namedQueriesOf(template);
  const changes = fitForEmulator(template, apiUrl);
  await writeFile(file, JSON.stringify(template));
  for (const name of await readdir(app)) {
    if (name.startsWith('asset.')) await copyFile(BOOTSTRAP, join(app, name, 'bootstrap'));
  }
  const outputs = join(folder, 'outputs.json');
  await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', app], emulator.environment);
  await cdk(['deploy', '--app', app, '--require-approval', 'never', '--outputs-file', outputs], emulator.environment);
  await createNamedQueries(emulator, queries);
  const written = JSON.parse(await readFile(outputs, 'utf8')) as Record<string, Record<string, string>>;
  return { outputs: written[STACK] ?? {}, changes };
}

async function cdk(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
  const { AWS_PROFILE: _profile, ...inherited } = process.env;
  const env = { ...inherited, ...environment, CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' };
  try {
    await run(join(PROJECT, 'node_modules', '.bin', 'cdk'), args, { cwd: PROJECT, env, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const lines = `${stdout}${stderr}`.trim().split('\n');
    const relevant = [...lines.filter((line) => line.includes('FAILED')), ...lines.slice(-3)];
    throw new Error(`cdk ${args[0]} failed:\n${relevant.join('\n')}`);
  }
}
