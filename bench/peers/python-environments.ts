/** A separate Python environment for each tool, with the versions of `requirements/`. */
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
  /** The interpreter that runs `measure.py`. */
  readonly python: string;
  /** The `bin` folder of each environment. */
  readonly bin: Readonly<Record<Name, string>>;
  /** Pinned versions by package. */
  readonly versions: Readonly<Record<string, string>>;
}

/** This machine lacks something that the benchmark needs. */
export class CannotBenchError extends Error {}

/**
 * Creates missing environments; existing ones are reused while their requirements are unchanged.
 * @throws CannotBenchError when Python 3.10 or later with venv is missing, or packages cannot be installed
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
