import { describe, expect, it } from 'vitest';
import { type FailureKind, networkFailure, wrongStatus } from '../../functions/personalization/failures.ts';

const query = { datasetId: 'engage', endpoint: 'json', pageSize: 10, page: 0 } as const;
const timeouts = { headersTimeoutMs: 120_000, bodyTimeoutMs: 60_000, totalTimeoutMs: 240_000 };
const failure = (error: object) =>
  networkFailure({ baseUrl: 'https://acme.us-5.evergage.com', query }, error, timeouts);

type Row = readonly [error: Partial<NodeJS.ErrnoException>, outcome: FailureKind, records: 0 | 10];
const unsent = (outcome: FailureKind, ...codes: string[]) => codes.map((code): Row => [{ code }, outcome, 0]);
const sent = (outcome: FailureKind, ...codes: string[]) => codes.map((code): Row => [{ code }, outcome, 10]);

/**
 * The error codes of a connection, from Node.js (`os.constants.errno`, getaddrinfo, TLS, OpenSSL), undici, llhttp and zlib.
 * 0 records: no request was sent; 10: the API may have served the page.
 */
const ROWS: readonly Row[] = [
  ...unsent('unreached', 'ECONNREFUSED', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'),
  ...unsent('unreached', 'EAI_AGAIN', 'EAI_FAIL', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_PRX_CONN'),
  ...unsent('unreached', 'ENOTFOUND', 'EAI_NONAME', 'EAI_NODATA', 'ENODATA'),
  ...unsent('permanent', 'EACCES', 'EPERM', 'EPROTO', 'UND_ERR_PRX_TLS'),
  ...unsent('permanent', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_HTTP_REQUEST'),
  ...unsent('permanent', 'ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_NO_SHARED_CIPHER', 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME'),
  ...unsent('permanent', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'),
  ...unsent('permanent', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
  ...unsent('permanent', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'),
  ...unsent('permanent', 'ERR_SSL_CERTIFICATE_VERIFY_FAILED', 'ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED'),
  ...unsent('permanent', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_TLS_CERT_ALTNAME_FORMAT', 'HOSTNAME_MISMATCH'),
  ...unsent('permanent', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_UNTRUSTED', 'CERT_REJECTED'),
  ...unsent('permanent', 'CERT_SIGNATURE_FAILURE', 'CERT_CHAIN_TOO_LONG', 'CRL_HAS_EXPIRED', 'CRL_NOT_YET_VALID'),
  ...unsent('permanent', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_GET_ISSUER_CERT'),
  ...unsent('permanent', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'INVALID_CA'),
  ...unsent('permanent', 'ERROR_IN_CERT_NOT_AFTER_FIELD', 'PATH_LENGTH_EXCEEDED', 'INVALID_PURPOSE'),
  ...sent('transient', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_INFO'),
  ...sent('transient', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'),
  ...sent('transient', 'UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'EMFILE', 'ENOBUFS', 'EIO'),
  ...sent('transient', 'ERR_SSL_BAD_RECORD_MAC', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'),
  ...sent('transient', 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'),
  ...sent('transient', 'HPE_INVALID_CHUNK_SIZE', 'HPE_INVALID_CONTENT_LENGTH', 'HPE_INVALID_EOF_STATE'),
  ...sent('transient', 'Z_BUF_ERROR', 'Z_DATA_ERROR', 'ERR__ERROR_FORMAT_PADDING_1', 'ERR_BROTLI_DECODE'),
  ...sent('confirm', 'HPE_INVALID_CONSTANT', 'HPE_INVALID_VERSION', 'UND_ERR_HEADERS_OVERFLOW'),
  [{ code: 'ETIMEDOUT', syscall: 'connect' }, 'unreached', 0],
  [
    { code: 'ECONNRESET', message: 'Client network socket disconnected before secure TLS connection was established' },
    'unreached',
    0,
  ],
  [{ code: 'EHOSTUNREACH', syscall: 'read' }, 'transient', 10],
  [{ code: 'ENETUNREACH', syscall: 'write' }, 'transient', 10],
  [{ name: 'HTTPParserError', message: '… (Expected HTTP/, RTSP/ or ICE/)' }, 'confirm', 10],
  [{ name: 'HTTPParserError', message: '… (Invalid HTTP version)' }, 'confirm', 10],
  [{ name: 'HTTPParserError', message: '… (Invalid character in chunk size)' }, 'transient', 10],
  [{ name: 'AbortError' }, 'transient', 10],
  [{ name: 'TimeoutError' }, 'transient', 10],
  [{}, 'transient', 10],
];

describe('networkFailure', () => {
  it.each(ROWS)('of %j is %s and counts %i records', (error, outcome, records) => {
    const failed = failure(error);
    expect(failed).toMatchObject({ outcome, records });
    // The client decides whether an API that was not reached is an outage.
    const isTransient = outcome === 'transient' || outcome === 'unreached';
    expect(failed.error.name).toBe(isTransient ? 'ApiUnavailableError' : 'ApiConnectionError');
  });

  const RESUME = 'resume the run, or start a new run if it was never planned';
  const SLOW = `when the API responds faster, ${RESUME}. If it times out again, start a new run with a smaller pageSize`;
  const UNREACHED = `check the host and the network, then ${RESUME}`;
  it.each([
    [{ code: 'UND_ERR_HEADERS_TIMEOUT' }, 'no response within 120 s', SLOW],
    [{ code: 'UND_ERR_BODY_TIMEOUT' }, 'the body stalled for 60 s', SLOW],
    [{ name: 'TimeoutError' }, 'timed out after 240 s', SLOW],
    [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, 'connection timed out', UNREACHED],
    [{ code: 'ECONNRESET' }, 'connection reset', UNREACHED],
    [
      { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
      'the TLS certificate was rejected: SELF_SIGNED_CERT_IN_CHAIN',
      `set NODE_EXTRA_CA_CERTS to a file with the CA certificate of your network, then ${RESUME}`,
    ],
    [
      { code: 'CERT_HAS_EXPIRED' },
      'the TLS certificate was rejected: CERT_HAS_EXPIRED',
      `check the clock of this machine; if it is right, wait for a new certificate, then ${RESUME}`,
    ],
    [
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      'the TLS certificate was rejected: ERR_TLS_CERT_ALTNAME_INVALID',
      `check accountName and instance (the certificate is for another host), then ${RESUME}`,
    ],
    [
      { code: 'ERR_SSL_WRONG_VERSION_NUMBER' },
      'the response is not TLS',
      `check whether the host expects http or https, then ${RESUME}`,
    ],
    [
      { code: 'ENOTFOUND' },
      'host name not found',
      `check accountName and instance, and the name resolution (DNS) of this network, then ${RESUME}`,
    ],
    [{ code: 'ECONNUNKNOWN' }, 'the connection failed: ECONNUNKNOWN', UNREACHED],
    [{ code: 'Z_DATA_ERROR' }, 'the compressed body is damaged', RESUME],
  ])('says what to do about %j', (error, problem, remedy) => {
    expect(failure(error).error.message).toBe(
      `Cannot fetch page 0 of dataset "engage" from acme.us-5.evergage.com (${problem}): ${remedy}.`,
    );
  });
});

describe('wrongStatus', () => {
  it.each([
    [400, 'permanent', 'ApiRequestError'],
    [401, 'keyRejected', 'ApiCredentialsError'],
    [403, 'keyRejected', 'ApiCredentialsError'],
    [404, 'permanent', 'ApiNotFoundError'],
    [405, 'permanent', 'ApiRequestError'],
    [407, 'permanent', 'ApiConnectionError'],
    [408, 'transient', 'ApiUnavailableError'],
    [410, 'permanent', 'ApiNotFoundError'],
    [414, 'permanent', 'ApiRequestError'],
    [425, 'transient', 'ApiUnavailableError'],
    [429, 'transient', 'ApiThrottledError'],
    [301, 'permanent', 'ApiRequestError'],
    [202, 'permanent', 'ApiRequestError'],
    [206, 'permanent', 'ApiRequestError'],
    [500, 'transient', 'ApiUnavailableError'],
    [501, 'permanent', 'ApiRequestError'],
    [502, 'transient', 'ApiUnavailableError'],
    [503, 'transient', 'ApiUnavailableError'],
    [504, 'transient', 'ApiUnavailableError'],
    [505, 'permanent', 'ApiRequestError'],
    [511, 'permanent', 'ApiConnectionError'],
    [520, 'transient', 'ApiUnavailableError'],
  ] as const)('%i is %s', (statusCode, outcome, name) => {
    const answer = wrongStatus({ baseUrl: 'https://acme.us-5.evergage.com', query }, { statusCode, headers: {} }, 0);
    expect(answer).toMatchObject({ outcome, records: 0, error: { name } });
    expect(answer.error.transient).toBe(outcome === 'transient');
  });
});
