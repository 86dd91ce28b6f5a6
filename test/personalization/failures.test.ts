import { describe, expect, it } from 'vitest';
import { networkFailure } from '../../functions/personalization/failures.ts';

const query = { datasetId: 'engage', endpoint: 'json', pageSize: 10, page: 0 } as const;
const timeouts = { headersTimeoutMs: 120_000, bodyTimeoutMs: 60_000, totalTimeoutMs: 240_000 };
const failure = (error: object) =>
  networkFailure({ baseUrl: 'https://acme.us-5.evergage.com', query }, error, timeouts);

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

  const RESUME = 'resume the run (if it was not planned yet, start it again)';
  const SLOW = `wait until the API is faster, then ${RESUME}; if it fails again, start a new run with a smaller pageSize`;
  const UNREACHED = `check the host and the network, then ${RESUME}`;
  it.each([
    [{ code: 'UND_ERR_HEADERS_TIMEOUT' }, `no response within 120 s: ${SLOW}`],
    [{ code: 'UND_ERR_BODY_TIMEOUT' }, `the body stalled for 60 s: ${SLOW}`],
    [{ name: 'TimeoutError' }, `timed out after 240 s: ${SLOW}`],
    [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, `connection timed out: ${UNREACHED}`],
    [{ code: 'ECONNRESET' }, `connection reset: ${UNREACHED}`],
    [{ code: 'Z_DATA_ERROR' }, `the compressed body is damaged: ${RESUME}`],
  ])('says what to do about %j', (error, expected) => {
    expect(failure(error).error.message).toBe(
      `Cannot fetch page 0 of dataset "engage" from acme.us-5.evergage.com: ${expected}.`,
    );
  });
});
