/** The Python environments of the others: one each, with the versions of `requirements/`, and nothing of another's. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pythonPrograms } from '../../test/e2e/python.ts';

const NAMES = ['dlt', 'tap', 'target'] as const;
type Name = (typeof NAMES)[number];

export interface PythonEnvironments {
  readonly pythonVersion: string;
  /** A Python that measures. */
  readonly python: string;
  /** The `bin` folder of each environment. */
  readonly bin: Readonly<Record<Name, string>>;
  /** What `requirements/` pins, by package. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The benchmark cannot be made here, and why: one sentence. */
export class CannotBenchError extends Error {}

/**
 * Makes the environments that are not there yet; made ones are used again while their requirements are the same.
 * @throws CannotBenchError where Python 3.10 or later with venv is missing, or the packages cannot be had
 */
export async function makePythonEnvironments(): Promise<PythonEnvironments> {
  const bin: Record<Name, string> = { dlt: '', tap: '', target: '' };
  const versions: Record<string, string> = {};
  for (const name of NAMES) {
    const requirements = fileURLToPath(new URL(`requirements/${name}.txt`, import.meta.url));
    const text = await readFile(requirements, 'utf8');
    for (const [, key = '', pinned = ''] of text.matchAll(/^([\w.-]+)==(\S+)/gm)) versions[key] = pinned;
    bin[name] = await pythonPrograms(`peer-${name}`, requirements).catch((error: Error) => {
      throw new CannotBenchError(error.message);
    });
  }
  const python = path.join(bin.dlt, 'python');
  const { stdout } = await promisify(execFile)(python, ['-c', 'import platform; print(platform.python_version())']);
  return { pythonVersion: stdout.trim(), python, bin, versions };
}
