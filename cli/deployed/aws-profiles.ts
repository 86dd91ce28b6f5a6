/** Checks profile names, because the SDK reports an unknown one as a missing region or missing credentials. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError, type Terminal } from '../terminal/terminal.ts';

const MAX_NAMED = 10;

/**
 * Checks that a profile exists in the AWS config or credentials file.
 * @throws CommandError that names the configured profiles
 */
export async function checkProfile(profile: string | undefined, env: Terminal['env']): Promise<void> {
  if (profile === undefined) return;
  const files = [
    env.AWS_CONFIG_FILE || join(homedir(), '.aws', 'config'),
    env.AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws', 'credentials'),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const names = [...new Set(texts.flatMap(profileNames))];
  if (names.includes(profile)) return;
  const named = names.length > MAX_NAMED ? [...names.slice(0, MAX_NAMED), '…'] : names;
  throw new CommandError(
    `No AWS profile ${JSON.stringify(profile)} in ${files.join(' or ')}: ${named.length === 0 ? `no profile is configured. Create it with aws configure --profile ${JSON.stringify(profile)}` : `use one of ${named.join(', ')}`}.`,
  );
}

/** `[profile dev]` in one file, `[dev]` in the other; a name with spaces is quoted. */
function profileNames(text: string): string[] {
  return [...text.matchAll(/^\s*\[\s*(?:profile\s+)?(["']?)(.+?)\1\s*\]/gm)]
    .map(([, , name = '']) => name)
    .filter((name) => !/^(?:sso-session|services)\s/.test(name));
}
