import { constants, type Stats } from 'node:fs';
import { access, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toDotPath } from 'zod/v4/core';
import { ExportError } from '../../functions/model/errors.ts';
import { type Fingerprint, FingerprintSchema } from '../../simulator/fingerprint.ts';

/** Only the owner may read and write it. */
const MODE = 0o600;

/** A new file, or over an existing one. A FIFO or a device is opened without waiting for it, to be refused. */
const TO_WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NONBLOCK ?? 0);

/**
 * Whether a fingerprint can be saved, before the checks use records: to a new file, or over a regular file.
 * @throws ExportError `ConfigError`
 */
export async function checkCanSave(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
    const found = await stat(file).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) return;
    refuseOther(found);
    await access(file, constants.W_OK);
  } catch (error) {
    throw cannotSave(file, error);
  }
}

/** Writes a fingerprint with mode 0600, over an existing file. @throws ExportError `ConfigError` */
export async function saveFingerprint(file: string, fingerprint: Fingerprint): Promise<void> {
  try {
    await using handle = await open(file, TO_WRITE, MODE);
    refuseOther(await handle.stat());
    // The mode of an existing file stays.
    await handle.chmod(MODE);
    await handle.writeFile(`${JSON.stringify(fingerprint, null, 2)}\n`);
  } catch (error) {
    throw cannotSave(file, error);
  }
}

/** @throws ExportError `ConfigError` */
export async function loadFingerprint(file: string): Promise<Fingerprint> {
  const invalid = (problem: string) => {
    const remedy = 'save a new one with doctor --save';
    return new ExportError(
      'ConfigError',
      `Cannot read the fingerprint in ${JSON.stringify(file)} (${problem}): ${remedy}.`,
    );
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw invalid(error instanceof SyntaxError ? 'not JSON' : codeOf(error));
  }
  const { data, error } = FingerprintSchema.safeParse(parsed);
  if (error) {
    const [issue] = error.issues;
    const path = issue === undefined ? '' : toDotPath(issue.path);
    throw invalid(path === '' ? 'not a fingerprint of this version' : `${path} is invalid`);
  }
  return data;
}

/** A device would keep the mode of a file, and a FIFO waits for a reader. */
function refuseOther(found: Stats): void {
  if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
  if (!found.isFile()) throw Object.assign(new Error(), { code: 'not a regular file' });
}

function cannotSave(file: string, error: unknown): ExportError {
  return new ExportError(
    'ConfigError',
    `Cannot save the fingerprint to ${JSON.stringify(file)} (${codeOf(error)}): choose a file in an existing folder that you may write to.`,
  );
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
