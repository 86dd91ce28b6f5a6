/** A virtual environment for programs that come from PyPI, made where it is missing. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'account-export');
const OLDEST = '3.10';

/** Newest first: a machine may have an old `python3` beside a newer one. */
const NAMES = ['python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'];

/** Whether an interpreter is new enough, and whole: Debian's comes without what makes virtual environments. */
const FITS = 'import ensurepip, sys, venv; sys.exit(0 if sys.version_info >= (3, 10) else 1)';

/** A Python that will do; `undefined` where there is none. */
export async function findPython(): Promise<string | undefined> {
  for (const name of NAMES) {
    try {
      await run(name, ['-c', FITS]);
      return name;
    } catch {
      // The next one, then.
    }
  }
  return undefined;
}

/** What is missing, in one sentence. */
export const NO_PYTHON = `Python ${OLDEST} or later with its module venv is needed, and this machine has none.`;

/**
 * The folder of the programs of a list of requirements, each with its exact version. It is made once for each list and kept
 * in the user's cache.
 * @throws Error where Python is missing or a package cannot be had
 */
export async function pythonPrograms(name: string, requirements: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const folder = join(CACHE, `${name}-${digest}`);
  if (existsSync(join(folder, 'ready'))) return join(folder, 'bin');
  const python = await findPython();
  if (python === undefined) throw new Error(NO_PYTHON);
  await rm(folder, { recursive: true, force: true });
  // Programs in it know the folder by its name, so it is made in its place, and marked when it is whole.
  await run(python, ['-m', 'venv', folder]);
  await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--no-deps', '-r', requirements], { timeout: 600_000 });
  await mkdir(join(folder, 'draft'));
  await rename(join(folder, 'draft'), join(folder, 'ready'));
  return join(folder, 'bin');
}
