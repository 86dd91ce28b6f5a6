/** Which API `run` exports from, and with which key. */
import type { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { evergageBaseUrl } from '../../functions/personalization/accounts-api.ts';
import { type CredentialsSource, staticCredentials } from '../../functions/personalization/credentials.ts';
import type { Terminal } from '../terminal/terminal.ts';

export interface ApiFlags {
  account?: string;
  instance?: string;
  apiUrl?: string;
  secretId?: string;
}

export function withApiFlags(command: Command): Command {
  return command
    .option('--account <name>', 'account: the host is <name>.<instance>.evergage.com')
    .option('--instance <id>', 'instance of the account, such as us-5')
    .option('--api-url <url>', 'API instead of --account and --instance: a simulator')
    .option('--secret-id <id>', 'read the API key from Secrets Manager');
}

/** @throws ExportError `ConfigError` */
export function baseUrlOf({ account, instance, apiUrl }: ApiFlags): string {
  if (apiUrl === undefined && account !== undefined && instance !== undefined)
    return evergageBaseUrl(account, instance);
  if (apiUrl === undefined) {
    throw new ExportError('ConfigError', 'Missing API host: pass either --account and --instance, or --api-url.');
  }
  if (account !== undefined || instance !== undefined) {
    const other = account === undefined ? '--instance' : '--account';
    throw new ExportError('ConfigError', `Conflicting API host (--api-url and ${other}): pass only one of them.`);
  }
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  // The value is not repeated: it may contain a password.
  throw new ExportError(
    'ConfigError',
    'Invalid --api-url: use an http or https URL without user, password, path or query, such as http://127.0.0.1:8787.',
  );
}

/** @throws ExportError `ConfigError` that names the missing variables */
export async function credentialsOf({ secretId }: ApiFlags, env: Terminal['env']): Promise<CredentialsSource> {
  if (secretId !== undefined) {
    const { secretCredentials } = await import('../../functions/aws/secret-credentials.ts');
    return secretCredentials({ secretId });
  }
  const names = { keyId: 'PERSONALIZATION_API_KEY_ID', secret: 'PERSONALIZATION_API_KEY_SECRET' };
  const { [names.keyId]: keyId, [names.secret]: secret } = env;
  if (keyId && secret) return staticCredentials({ keyId, secret }, names);
  const missing = Object.values(names).filter((name) => !env[name]);
  throw new ExportError('ConfigError', `Missing API key: set ${missing.join(' and ')}, or pass --secret-id.`);
}
