/** What a closed pipe or a full disk behind stdout does to a command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startSimulator } from '../../simulator/simulator.ts';
import { KEY_ENVIRONMENT, temporaryFolder } from '../support/command-line.ts';

/** A run whose stdout is closed before it writes the first line. */
async function runWithoutOutput(dataset: string, stdout: 'closed pipe' | 'full disk') {
  const simulator = await startSimulator({ accounts: 1234 });
  const out = await temporaryFolder();
  const args = ['run', '--api-url', simulator.url, '--dataset', dataset, '--out', out, '--run-id', 'run-1'];
  const full = stdout === 'full disk' ? await open('/dev/full', 'w') : undefined;
  try {
    const child = spawn(process.execPath, ['cli/main.ts', ...args], {
      env: { ...process.env, ...KEY_ENVIRONMENT },
      stdio: ['ignore', full?.fd ?? 'pipe', 'pipe'],
    });
    child.stdout?.destroy();
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, stderr, out, isPublished: existsSync(join(out, 'export_runs/run_id=run-1/manifest.json')) };
  } finally {
    await full?.close();
    await simulator.close();
  }
}

it('publishes a run after its pipe was closed, and exits with 0', async () => {
  expect(await runWithoutOutput('engage', 'closed pipe')).toMatchObject({ code: 0, stderr: '', isPublished: true });
});

it('exits with 1 if a run fails after its pipe was closed', async () => {
  expect(await runWithoutOutput('unknown', 'closed pipe')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: /),
    isPublished: false,
  });
});

it.runIf(existsSync('/dev/full'))('publishes a run whose output cannot be written, and exits with 1', async () => {
  expect(await runWithoutOutput('engage', 'full disk')).toMatchObject({
    code: 1,
    stderr: 'error: Cannot write the output to stdout (ENOSPC): check the disk or program that receives it.\n',
    isPublished: true,
  });
});

it.skipIf(process.platform === 'win32')('writes files that only their owner can read', async () => {
  const { out } = await runWithoutOutput('engage', 'closed pipe');
  for (const name of await readdir(out, { recursive: true })) {
    expect([name, (await stat(join(out, name))).mode & 0o077]).toEqual([name, 0]);
  }
});
