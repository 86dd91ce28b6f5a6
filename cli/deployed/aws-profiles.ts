/** The profiles of the AWS configuration: the SDK takes a mistyped one for a missing region, or for missing credentials. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from './command-error.ts';

const MOST_NAMED = 10;

/**
 * Checks that a profile exists, in whichever of the two files; `undefined` is checked by the SDK.
 * @throws CommandError naming the profiles there are
 */
export async function checkProfile(profile: string | undefined): Promise<void> {
  if (profile === undefined) return;
  const files = [
    process.env.AWS_CONFIG_FILE || join(homedir(), '.aws', 'config'),
    process.env.AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws', 'credentials'),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const names = [...new Set(texts.flatMap(profileNames))];
  if (names.includes(profile)) return;
  const others = names.length > MOST_NAMED ? [...names.slice(0, MOST_NAMED), '…'] : names;
  throw new CommandError(
    `There is no AWS profile ${JSON.stringify(profile)} in ${files.join(' or ')}: ${others.length === 0 ? 'none is configured' : `there are ${others.join(', ')}`}.`,
  );
}

/** `[profile dev]` in the one file, `[dev]` in the other; a name with blanks is quoted. */
function profileNames(text: string): string[] {
  return [...text.matchAll(/^\s*\[\s*(?:profile\s+)?(["']?)(.+?)\1\s*\]/gm)]
    .map(([, , name = '']) => name)
    .filter((name) => !/^(?:sso-session|services)\s/.test(name));
}
