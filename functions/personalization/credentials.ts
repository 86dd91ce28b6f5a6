import { ExportError } from '../model/errors.ts';

/** An API key of Personalization: the two values that its user interface shows. */
export interface ApiKey {
  readonly keyId: string;
  readonly secret: string;
}

/** Provides the key. `fresh` bypasses caches, because the API rejected the known key. */
export interface CredentialsSource {
  get(options?: { readonly fresh?: boolean }): Promise<ApiKey>;
}

/**
 * @param names of the two values, for messages
 * @throws ExportError `ApiCredentialsError` if the key is malformed
 */
export function staticCredentials(
  key: ApiKey,
  names: ApiKey = { keyId: 'keyId', secret: 'secret' },
): CredentialsSource {
  checkKey(key, names);
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
  const invalid = (problem: string) =>
    new ExportError(
      'ApiCredentialsError',
      `Invalid API key in ${where}: ${problem}. Set it to {"keyId":"…","secret":"…"}.`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid('it is not JSON');
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw invalid('it is not a JSON object');
  const { keyId, secret } = parsed as Record<string, unknown>;
  for (const [part, value] of Object.entries({ keyId, secret })) {
    if (typeof value === 'string' && value !== '') continue;
    throw invalid(`${part} ${value === undefined ? 'is missing' : value === '' ? 'is empty' : 'is not a string'}`);
  }
  const key = { keyId: keyId as string, secret: secret as string };
  checkKey(key, { keyId: `value "keyId" of ${where}`, secret: `value "secret" of ${where}` });
  return key;
}

function checkKey(key: ApiKey, names: ApiKey): void {
  for (const part of ['keyId', 'secret'] as const) {
    const value = key[part];
    // A key pasted with a line break would get a 401 without a visible reason.
    if (value === value.trim()) continue;
    throw new ExportError(
      'ApiCredentialsError',
      `Invalid API key in ${names[part]}: remove the whitespace at the start or end of this value.`,
    );
  }
  // In Basic authentication the user name ends at the first colon.
  if (!key.keyId.includes(':')) return;
  throw new ExportError(
    'ApiCredentialsError',
    `Invalid API key in ${names.keyId}: the key id contains a colon. Keep only the part before it.`,
  );
}

export interface KeyInUse {
  readonly key: ApiKey;
  /** Grows with each fresh read. */
  readonly version: number;
}

/** A key shared by concurrent calls: after a rotation, they make one fresh read in total. */
export function sharedKey(source: CredentialsSource) {
  let latest: KeyInUse | undefined;
  let reading: Promise<KeyInUse> | undefined;
  const version = () => latest?.version ?? 0;

  async function readFresh(): Promise<KeyInUse> {
    const key = await source.get({ fresh: true });
    latest = { key, version: version() + 1 };
    return latest;
  }

  return {
    async get(): Promise<KeyInUse> {
      const before = version();
      return { key: await source.get(), version: before };
    },
    /** A key read after the rejected one, by this call or another. */
    async newerThan(rejected: KeyInUse): Promise<KeyInUse> {
      if (latest && latest.version > rejected.version) return latest;
      reading ??= readFresh().finally(() => {
        reading = undefined;
      });
      return reading;
    },
  };
}
