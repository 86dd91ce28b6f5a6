import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ExportError, isExportError } from '../model/errors.ts';
import { type ApiKey, type CredentialsSource, parseApiKeySecret } from '../personalization/credentials.ts';
import { awsFailure } from './aws-errors.ts';

export interface SecretOptions {
  /** Name or ARN. */
  readonly secretId: string;
  readonly client?: SecretsManagerClient;
}

/**
 * A rotated key is used at the latest after this, and at once when the old one is refused. Every page would otherwise
 * cost a call.
 */
const CACHE_SECONDS = 300;

/** The API key from Secrets Manager, cached for five minutes, read anew on demand. Needs secretsmanager:GetSecretValue. */
export function secretCredentials({
  secretId,
  client = new SecretsManagerClient({}),
}: SecretOptions): CredentialsSource {
  const provider = new SecretsProvider({ awsSdkV3Client: client });
  let reading: Promise<ApiKey> | undefined;
  return {
    async get({ fresh = false } = {}): Promise<ApiKey> {
      const where = `secret ${JSON.stringify(secretId)}`;
      if (fresh) return parseApiKeySecret(textOf(await read(provider, secretId, where, true), where), where);
      // Calls that start together, before anything is cached, share one read.
      reading ??= readUsable().finally(() => {
        reading = undefined;
      });
      return reading;

      async function readUsable(): Promise<ApiKey> {
        const known = await read(provider, secretId, where, false);
        try {
          return parseApiKeySecret(textOf(known, where), where);
        } catch {
          // Who has just put the key where none was must not wait for a warm function to forget that.
          return parseApiKeySecret(textOf(await read(provider, secretId, where, true), where), where);
        }
      }
    },
  };
}

/** A secret that was stored as bytes comes as bytes, and an empty one as nothing. */
function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  throw new ExportError(
    'ApiCredentialsError',
    `The API key in ${where} is stored as bytes (SecretBinary): store it as a text (SecretString), {"keyId":"…","secret":"…"}.`,
  );
}

async function read(provider: SecretsProvider, secretId: string, where: string, fresh: boolean): Promise<unknown> {
  try {
    return await provider.get(secretId, { maxAge: CACHE_SECONDS, forceFetch: fresh });
  } catch (error) {
    // Powertools wraps what the SDK threw.
    const cause = (error as Error).cause ?? error;
    if ((cause as Error).name === 'ResourceNotFoundException') {
      throw new ExportError(
        'ApiCredentialsError',
        `There is no ${where}, or it holds no value yet: put the API key into it as {"keyId":"…","secret":"…"}.`,
      );
    }
    // Source: Secrets Manager API reference, "GetSecretValue", Errors.
    if ((cause as Error).name === 'InvalidRequestException') {
      throw new ExportError(
        'ApiCredentialsError',
        `Reading ${where} failed (InvalidRequestException): it is marked for deletion; restore it, or put the API key into another.`,
      );
    }
    const failure = awsFailure(`Reading ${where}`, cause);
    throw isExportError(failure, 'ConfigError') ? new ExportError('ApiCredentialsError', failure.message) : failure;
  }
}
