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

/** Saves a request per page. A rotated key is read after this time, or as soon as the API rejects the old one. */
const CACHE_SECONDS = 300;

/** The API key from Secrets Manager, cached for five minutes. Needs secretsmanager:GetSecretValue. */
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
      // Concurrent calls share one read.
      reading ??= readValid().finally(() => {
        reading = undefined;
      });
      return reading;

      async function readValid(): Promise<ApiKey> {
        const known = await read(provider, secretId, where, false);
        try {
          return parseApiKeySecret(textOf(known, where), where);
        } catch {
          // The key may have been set or corrected since the cached read.
          return parseApiKeySecret(textOf(await read(provider, secretId, where, true), where), where);
        }
      }
    },
  };
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  throw new ExportError(
    'ApiCredentialsError',
    `Invalid API key in ${where}: it is binary (SecretBinary). Store it as text (SecretString): {"keyId":"…","secret":"…"}.`,
  );
}

async function read(provider: SecretsProvider, secretId: string, where: string, fresh: boolean): Promise<unknown> {
  try {
    return await provider.get(secretId, { maxAge: CACHE_SECONDS, forceFetch: fresh });
  } catch (error) {
    // Powertools wraps the error of the SDK.
    const cause = (error as Error).cause ?? error;
    if ((cause as Error).name === 'ResourceNotFoundException') {
      throw new ExportError(
        'ApiCredentialsError',
        `No API key in ${where}: the secret does not exist or is empty. Set it to {"keyId":"…","secret":"…"}.`,
      );
    }
    // Source: Secrets Manager API reference, "GetSecretValue", Errors.
    if ((cause as Error).name === 'InvalidRequestException') {
      throw new ExportError(
        'ApiCredentialsError',
        `Reading ${where} failed (InvalidRequestException): it is scheduled for deletion. Restore it or use another secret.`,
      );
    }
    const failure = awsFailure(`Reading ${where}`, cause);
    throw isExportError(failure, 'ConfigError') ? new ExportError('ApiCredentialsError', failure.message) : failure;
  }
}
