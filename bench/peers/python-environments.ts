/** The Python environments of the others: one each, below a folder that git ignores, with the versions of `requirements/`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
const NAMES = ['dlt', 'tap', 'target'] as const;

export interface PythonEnvironments {
  readonly pythonVersion: string;
  /** The Python that measures, outside of all environments. */
  readonly python: string;
  /** The `bin` folder of each environment. */
  readonly bin: Readonly<Record<(typeof NAMES)[number], string>>;
  /** What `requirements/` pins, by package. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The benchmark cannot be made here, and why: one sentence. */
export class CannotBenchError extends Error {}

/**
 * Makes the environments that are not there yet; made ones are used again while their requirements are the same.
 * @throws CannotBenchError where Python 3.10 or later with venv is missing, or the packages cannot be had
 */
export async function makePythonEnvironments(folder: string): Promise<PythonEnvironments> {
  const { python, version } = await findPython();
  await mkdir(folder, { recursive: true });
  const versions: Record<string, string> = {};
  for (const name of NAMES) {
    const requirements = fileURLToPath(new URL(`requirements/${name}.txt`, import.meta.url));
    const text = await readFile(requirements, 'utf8');
    for (const [, key = '', pinned = ''] of text.matchAll(/^([\w.-]+)==(\S+)/gm)) versions[key] = pinned;
    await makeEnvironment(path.join(folder, name), python, requirements, `${version} ${sha256(text)}`);
  }
  const bin = (name: string) => path.join(folder, name, 'bin');
  return {
    pythonVersion: version,
    python,
    bin: { dlt: bin('dlt'), tap: bin('tap'), target: bin('target') },
    versions,
  };
}

async function findPython(): Promise<{ python: string; version: string }> {
  for (const python of CANDIDATES) {
    try {
      const { stdout } = await run(python, [
        '-c',
        'import sys, venv, ensurepip; print("%d.%d.%d" % sys.version_info[:3])',
      ]);
      const version = stdout.trim();
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major === 3 && minor >= 10) return { python, version };
    } catch {
      // Not this one.
    }
  }
  throw new CannotBenchError(
    'Python 3.10 or later with venv and pip is needed to run dlt and the Singer tap, and none was found.',
  );
}

async function makeEnvironment(folder: string, python: string, requirements: string, stamp: string): Promise<void> {
  const stampFile = path.join(folder, 'made-of');
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === stamp) return;
  await rm(folder, { recursive: true, force: true });
  try {
    await run(python, ['-m', 'venv', folder]);
    const pip = [path.join(folder, 'bin', 'python'), '-m', 'pip'] as const;
    await run(pip[0], [...pip.slice(1), 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const why = stderr.trim().split('\n').at(-1) ?? '';
    throw new CannotBenchError(
      `The packages of bench/peers/requirements/${path.basename(requirements)} could not be installed: ${why}`,
    );
  }
  await writeFile(stampFile, stamp);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
