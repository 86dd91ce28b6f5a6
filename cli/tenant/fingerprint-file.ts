import { constants } from 'node:fs';
import { access, chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toDotPath } from 'zod/v4/core';
import { ExportError } from '../../functions/model/errors.ts';
import { type Fingerprint, FingerprintSchema } from '../../simulator/fingerprint.ts';

/** Only the owner may read and write it. */
const MODE = 0o600;

/**
 * Whether a fingerprint can be saved, before the checks use records.
 * @throws ExportError `ConfigError`
 */
export async function checkCanSave(file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await access(folder, constants.W_OK);
    if (await isFolder(file)) throw Object.assign(new Error(), { code: 'EISDIR' });
  } catch (error) {
    throw cannotSave(file, error);
  }
}

/** Writes a fingerprint with mode 0600, over an existing file. @throws ExportError `ConfigError` */
export async function saveFingerprint(file: string, fingerprint: Fingerprint): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(fingerprint, null, 2)}\n`, { mode: MODE });
    // The mode of an existing file stays.
    await chmod(file, MODE);
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

async function isFolder(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isDirectory() === true;
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
