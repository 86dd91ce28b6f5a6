/** Virtual environments for programs from PyPI, created on first use. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'account-export');
const OLDEST = '3.10';

/** Newest first, because `python3` may be an older one. */
const NAMES = ['python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'];

/** Whether an interpreter is new enough and has venv, which Debian packages separately. */
const FITS = 'import ensurepip, sys, venv; sys.exit(0 if sys.version_info >= (3, 10) else 1)';

export async function findPython(): Promise<string | undefined> {
  for (const name of NAMES) {
    try {
      await run(name, ['-c', FITS]);
      return name;
    } catch {
      // Try the next name.
    }
  }
  return undefined;
}

export const NO_PYTHON = `Python ${OLDEST} or later with the module venv is missing: install it.`;

/** An incomplete environment older than this was interrupted; a younger one may be in use by another process. */
const ABANDONED_MS = 3_600_000;

/**
 * The folder with the programs of a requirements file. Its environment is created once and kept in the user's cache.
 * @throws Error with one sentence when Python is missing or a package cannot be installed
 */
export async function pythonPrograms(name: string, requirements: string, cache = CACHE): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  await mkdir(cache, { recursive: true });
  const found = await findComplete(cache, `${name}-${digest}`);
  if (found !== undefined) return join(found, 'bin');
  const python = await findPython();
  if (python === undefined) throw new Error(NO_PYTHON);
  // Processes that start together must not build in one folder.
  const folder = await mkdtemp(join(cache, `${name}-${digest}-`));
  try {
    await run(python, ['-m', 'venv', folder]);
    const install = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
    await run(join(folder, 'bin', 'python'), ['-m', 'pip', ...install], { timeout: 600_000 });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { stderr = '' } = error as { stderr?: string };
    const reason = /^ERROR: (.+)$/m.exec(stderr.split('\n').reverse().join('\n'))?.[1] ?? String(error).split('\n')[0];
    throw new Error(`Cannot install ${basename(requirements)} from PyPI: ${reason}`);
  }
  await mkdir(join(folder, READY));
  return join(folder, 'bin');
}

/** A folder in complete environments. */
const READY = 'ready';

/** Finds a complete environment whose Python still exists, and removes abandoned and broken ones. */
async function findComplete(cache: string, prefix: string): Promise<string | undefined> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(prefix)) continue;
    const folder = join(cache, entry);
    const ready = existsSync(join(folder, READY));
    if (ready && existsSync(join(folder, 'bin', 'python'))) return folder;
    const isAbandoned = Date.now() - (await stat(folder)).mtimeMs > ABANDONED_MS;
    if (ready || isAbandoned) await rm(folder, { recursive: true, force: true });
  }
  return undefined;
}
