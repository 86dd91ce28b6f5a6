import { ExportError } from '../model/errors.ts';

/** An API key of Personalization, with the two parts that its user interface shows. */
export interface ApiKey {
  readonly keyId: string;
  readonly secret: string;
}

/** Provides the key. `fresh` bypasses caches, because the API rejected the known key. */
export interface CredentialsSource {
  get(options?: { readonly fresh?: boolean }): Promise<ApiKey>;
}

/**
 * @param names of the two parts, for messages
 * @throws ExportError `ApiCredentialsError` if the key is malformed
 */
export function staticCredentials(
  key: ApiKey,
  names: ApiKey = { keyId: 'keyId', secret: 'secret' },
): CredentialsSource {
  checkParts(key, names);
  return { get: async () => key };
}

/** The Authorization header: padded Base64 of the UTF-8 bytes of `keyId:secret` (RFC 7617). */
export function basicAuthorization({ keyId, secret }: ApiKey): string {
  return `Basic ${Buffer.from(`${keyId}:${secret}`, 'utf8').toString('base64')}`;
}

/**
 * Parses the text of a secret: `{"keyId":"…","secret":"…"}`.
 *
 * @param where for messages, such as `secret "personalization/key"`
 * @throws ExportError `ApiCredentialsError`, which never contains a value
 */
export function parseApiKeySecret(text: string, where: string): ApiKey {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ExportError('ApiCredentialsError', `Invalid API key in ${where}: it is not JSON. ${EXPECTED}`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new ExportError('ApiCredentialsError', `Invalid API key in ${where}: it is not a JSON object. ${EXPECTED}`);
  }
  const { keyId, secret } = parsed as Record<string, unknown>;
  for (const [part, value] of Object.entries({ keyId, secret })) {
    if (typeof value === 'string' && value !== '') continue;
    const problem = value === undefined ? 'is missing' : value === '' ? 'is empty' : 'is not a string';
    throw new ExportError('ApiCredentialsError', `Invalid API key in ${where}: ${part} ${problem}. ${EXPECTED}`);
  }
  const key = { keyId: keyId as string, secret: secret as string };
  checkParts(key, { keyId: `keyId of ${where}`, secret: `secret of ${where}` });
  return key;
}

const EXPECTED = 'Set it to {"keyId":"…","secret":"…"}.';

function checkParts(key: ApiKey, names: ApiKey): void {
  for (const part of ['keyId', 'secret'] as const) {
    const value = key[part];
    // A key pasted with a line break would get a 401 without a visible reason.
    if (value === value.trim()) continue;
    throw new ExportError(
      'ApiCredentialsError',
      `Invalid API key in ${names[part]}: remove the whitespace at its start or end.`,
    );
  }
  // In Basic authentication the user name ends at the first colon.
  if (!key.keyId.includes(':')) return;
  throw new ExportError(
    'ApiCredentialsError',
    `Invalid API key in ${names.keyId}: the key id contains a colon. Keep only the part before it.`,
  );
}

/** A key, and the number of fresh reads when it was requested. */
export interface HeldKey {
  readonly key: ApiKey;
  readonly freshReads: number;
}

/** A key shared by concurrent calls: after a rotation, they make one fresh read in total. */
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

  /** A key read after the rejected one, by this call or another. */
  async newerThan(rejected: HeldKey): Promise<HeldKey> {
    if (this.#latest && this.#latest.freshReads > rejected.freshReads) return this.#latest;
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
