/** A virtual environment for programs that come from PyPI, made where it is missing. */
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

/** One that is not whole after so long is of a run that was interrupted; before, another run may be making it. */
const ABANDONED_MS = 3_600_000;

/**
 * The folder of the programs of a list of requirements, each with its exact version. It is made once for each list and kept
 * in the user's cache.
 * @throws Error of one sentence where Python is missing or a package cannot be had
 */
export async function pythonPrograms(name: string, requirements: string, cache = CACHE): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  await mkdir(cache, { recursive: true });
  const found = await findWhole(cache, `${name}-${digest}`);
  if (found !== undefined) return join(found, 'bin');
  const python = await findPython();
  if (python === undefined) throw new Error(NO_PYTHON);
  // A folder of its own for each that makes one: two runs that begin together must not build in one place.
  const folder = await mkdtemp(join(cache, `${name}-${digest}-`));
  try {
    await run(python, ['-m', 'venv', folder]);
    const install = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
    await run(join(folder, 'bin', 'python'), ['-m', 'pip', ...install], { timeout: 600_000 });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { stderr = '' } = error as { stderr?: string };
    const said = /^ERROR: (.+)$/m.exec(stderr.split('\n').reverse().join('\n'))?.[1] ?? String(error).split('\n')[0];
    throw new Error(`What ${basename(requirements)} names could not be installed from PyPI: ${said}`);
  }
  await mkdir(join(folder, READY));
  return join(folder, 'bin');
}

/** Lies in an environment that is whole. */
const READY = 'ready';

/** An environment that is whole, and whose Python is still there. What is of no use to anybody is removed on the way. */
async function findWhole(cache: string, prefix: string): Promise<string | undefined> {
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
