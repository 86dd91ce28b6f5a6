import { SecretsProvider } from '@aws-lambda-powertools/parameters/secrets';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ExportError, isExportError } from '../errors.ts';
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
  return {
    async get({ fresh = false } = {}): Promise<ApiKey> {
      const where = `secret ${JSON.stringify(secretId)}`;
      const text = await read(provider, secretId, where, fresh);
      return parseApiKeySecret(typeof text === 'string' ? text : '', where);
    },
  };
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
    const failure = awsFailure(`Reading ${where}`, cause);
    throw isExportError(failure, 'ConfigError') ? new ExportError('ApiCredentialsError', failure.message) : failure;
  }
}
