/** `npm run e2e`: all that is tried against an emulator of AWS. Ends with Vitest's summary, or with 2 where it cannot run. */
import { spawn, spawnSync } from 'node:child_process';
import { findPython, NO_PYTHON } from './python.ts';

const missing = [
  ...((await findPython()) === undefined ? [NO_PYTHON] : []),
  ...(spawnSync('openssl', ['version']).status === 0 ? [] : ['openssl is needed, and this machine has none.']),
];
if (missing.length > 0) {
  process.stderr.write(`error: ${missing.join(' ')}\n`);
  process.exit(2);
}
const args = ['vitest', 'run', '--config', 'test/e2e/vitest.config.ts', ...process.argv.slice(2)];
const child = spawn('npx', ['--no-install', ...args], { stdio: 'inherit' });
child.once('close', (code) => process.exit(code === 0 ? 0 : 1));
