/** `npm run e2e`: all that is tried against an emulator of AWS. Ends with Vitest's summary and its exit code. */
import { spawn } from 'node:child_process';
import { findPython, NO_PYTHON } from './python.ts';

if ((await findPython()) === undefined) {
  process.stderr.write(`error: ${NO_PYTHON}\n`);
  process.exit(2);
}
const args = ['vitest', 'run', '--config', 'test/e2e/vitest.config.ts', ...process.argv.slice(2)];
const child = spawn('npx', ['--no-install', ...args], { stdio: 'inherit' });
child.once('close', (code) => process.exit(code ?? 1));
