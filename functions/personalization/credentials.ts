/** The API key: where it comes from, and how it is sent. */
import { ExportError } from '../errors.ts';

/** A key of the Personalization API, as its user interface shows the two halves. */
export interface ApiKey {
  readonly keyId: string;
  readonly secret: string;
}

/** Where the key comes from; `fresh` asks for it anew, because the API refused the one that was known. */
export interface CredentialsSource {
  get(options?: { readonly fresh?: boolean }): Promise<ApiKey>;
}

/** A key that is known from the start and does not change. */
export function staticCredentials(key: ApiKey): CredentialsSource {
  checkKeyId(key.keyId, 'the key given');
  return { get: async () => key };
}

/**
 * The value of the authorization header: standard Base64, padded, of the UTF-8 bytes of `keyId:secret` (RFC 7617).
 * The secret may hold colons and any character.
 */
export function basicAuthorization({ keyId, secret }: ApiKey): string {
  return `Basic ${Buffer.from(`${keyId}:${secret}`, 'utf8').toString('base64')}`;
}

/**
 * Reads the key from the text of a secret: `{"keyId":"…","secret":"…"}`.
 *
 * @param where what holds it, for the sentence, such as `secret "personalization/key"`
 * @throws ExportError `ApiCredentialsError` saying what is wrong with it; never with a value
 */
export function parseApiKeySecret(text: string, where: string): ApiKey {
  const how = 'it should be {"keyId":"…","secret":"…"}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ExportError('ApiCredentialsError', `The API key in ${where} is not JSON: ${how}.`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new ExportError('ApiCredentialsError', `The API key in ${where} is not an object: ${how}.`);
  }
  const { keyId, secret } = parsed as Record<string, unknown>;
  for (const [half, value] of Object.entries({ keyId, secret })) {
    if (typeof value === 'string' && value !== '') continue;
    const problem = value === undefined ? 'is missing' : value === '' ? 'is empty' : 'is not a text';
    throw new ExportError('ApiCredentialsError', `The ${half} of the API key in ${where} ${problem}: ${how}.`);
  }
  checkKeyId(keyId as string, where);
  return { keyId: keyId as string, secret: secret as string };
}

/** Basic authentication ends the first half at its first colon. */
function checkKeyId(keyId: string, where: string): void {
  if (!keyId.includes(':')) return;
  throw new ExportError(
    'ApiCredentialsError',
    `The keyId of the API key in ${where} holds a colon, which it cannot: were both halves put into it?`,
  );
}
