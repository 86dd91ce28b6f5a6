/** Runs the command line as a user does: a process of its own, its output, its exit code. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const KEY_ENVIRONMENT = {
  PERSONALIZATION_API_KEY_ID: 'demo-key',
  PERSONALIZATION_API_KEY_SECRET: 'demo:secret',
};

export function accountExport(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = KEY_ENVIRONMENT,
): Promise<Finished> {
  return startAccountExport(args, environment).finished;
}

export function startAccountExport(args: readonly string[], environment: NodeJS.ProcessEnv = KEY_ENVIRONMENT) {
  const { PERSONALIZATION_API_KEY_ID: _id, PERSONALIZATION_API_KEY_SECRET: _secret, ...inherited } = process.env;
  const child = spawn(process.execPath, ['cli/main.ts', ...args], { env: { ...inherited, ...environment } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, finished, stdout: () => stdout };
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-'));
  folders.push(folder);
  return folder;
}
