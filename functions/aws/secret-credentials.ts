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
  const where = `secret ${JSON.stringify(secretId)}`;
  let reading: Promise<ApiKey> | undefined;

  async function read(forceFetch: boolean): Promise<unknown> {
    try {
      return await provider.get(secretId, { maxAge: CACHE_SECONDS, forceFetch });
    } catch (error) {
      // Powertools wraps the error of the SDK.
      throw readFailure(where, (error as Error).cause ?? error);
    }
  }

  async function readCached(): Promise<ApiKey> {
    const cached = await read(false);
    try {
      return parseSecret(cached, where);
    } catch {
      // The key may have been set or corrected since the cached read.
      return parseSecret(await read(true), where);
    }
  }

  return {
    async get({ fresh = false } = {}): Promise<ApiKey> {
      if (fresh) return parseSecret(await read(true), where);
      // Concurrent calls share one read.
      reading ??= readCached().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}

function parseSecret(value: unknown, where: string): ApiKey {
  if (value === undefined || typeof value === 'string') return parseApiKeySecret(value ?? '', where);
  const problem = `it is binary (SecretBinary). Store it as text (SecretString): {"keyId":"…","secret":"…"}.`;
  throw new ExportError('ApiCredentialsError', `Invalid API key in ${where}: ${problem}`);
}

/** Source: Secrets Manager API reference, "GetSecretValue", Errors. */
function readFailure(where: string, error: unknown): ExportError {
  const { name } = error as Error;
  if (name === 'ResourceNotFoundException') {
    const problem = 'the secret does not exist or is empty. Set it to {"keyId":"…","secret":"…"}.';
    return new ExportError('ApiCredentialsError', `No API key in ${where}: ${problem}`);
  }
  if (name === 'InvalidRequestException') {
    const problem = 'it is scheduled for deletion. Restore it or use another secret.';
    return new ExportError('ApiCredentialsError', `Reading ${where} failed (${name}): ${problem}`);
  }
  const failure = awsFailure(`Reading ${where}`, error);
  return isExportError(failure, 'ConfigError') ? new ExportError('ApiCredentialsError', failure.message) : failure;
}
