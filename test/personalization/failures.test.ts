import { describe, expect, it } from 'vitest';
import { networkFailure } from '../../functions/personalization/failures.ts';

const query = { datasetId: 'engage', endpoint: 'json', pageSize: 10, page: 0 } as const;
const failure = (error: object) => networkFailure({ baseUrl: 'https://acme.us-5.evergage.com', query }, error, 240_000);

describe('networkFailure', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('counts no records for %s, because no request was sent', (code) => {
    expect(failure({ code })).toMatchObject({ outcome: 'transient', records: 0 });
  });

  it.each([
    { code: 'ECONNRESET' },
    { code: 'ETIMEDOUT' },
    { code: 'UND_ERR_SOCKET' },
    { code: 'UND_ERR_HEADERS_TIMEOUT' },
    { code: 'ERR_SSL_WRONG_VERSION_NUMBER' },
    { code: 'Z_DATA_ERROR' },
    { code: 'EHOSTUNREACH', syscall: 'read' },
    { name: 'AbortError' },
    { name: 'TimeoutError' },
    {},
  ])('counts the whole page for %j, because the API may have served it', (error) => {
    expect(failure(error)).toMatchObject({ outcome: 'transient', records: 10 });
  });
});
