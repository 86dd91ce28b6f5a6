/** The API key: where it comes from, and how it is sent. */
import { ExportError } from '../model/errors.ts';

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
  checkHalves(key, 'the key given');
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
  const key = { keyId: keyId as string, secret: secret as string };
  checkHalves(key, where);
  return key;
}

function checkHalves(key: ApiKey, where: string): void {
  for (const [half, value] of Object.entries(key)) {
    // Pasted with the end of its line, a key is refused with 401, and nobody sees why.
    if (value === value.trim()) continue;
    throw new ExportError(
      'ApiCredentialsError',
      `The ${half} of the API key in ${where} starts or ends with a blank or a line break: put it there without.`,
    );
  }
  // Basic authentication ends the first half at its first colon.
  if (!key.keyId.includes(':')) return;
  throw new ExportError(
    'ApiCredentialsError',
    `The keyId of the API key in ${where} holds a colon, which it cannot: were both halves put into it?`,
  );
}

/** A key, and how many fresh reads had been made when it was asked for. */
export interface HeldKey {
  readonly key: ApiKey;
  readonly freshReads: number;
}

/** The key for many calls at once: all that a rotated key is refused to need one fresh read between them. */
export class SharedKey {
  readonly #source: CredentialsSource;
  #latest: HeldKey | undefined;
  #reading: Promise<HeldKey> | undefined;

  constructor(source: CredentialsSource) {
    this.#source = source;
  }

  async get(): Promise<HeldKey> {
    const freshReads = this.#latest?.freshReads ?? 0;
    return { key: await this.#source.get(), freshReads };
  }

  /** A key that was read after the one refused, by this call or by another. */
  async newerThan(refused: HeldKey): Promise<HeldKey> {
    if (this.#latest && this.#latest.freshReads > refused.freshReads) return this.#latest;
    this.#reading ??= this.#readFresh().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readFresh(): Promise<HeldKey> {
    const key = await this.#source.get({ fresh: true });
    this.#latest = { key, freshReads: (this.#latest?.freshReads ?? 0) + 1 };
    return this.#latest;
  }
}
