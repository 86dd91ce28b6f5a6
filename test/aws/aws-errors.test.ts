import { afterEach, describe, expect, it, vi } from 'vitest';
import { awsFailure, explainAwsFailure } from '../../functions/aws/aws-errors.ts';

/** An error as the SDK throws it. */
function answered(status: number, name: string): Error {
  return Object.assign(new Error('hidden'), { name, $metadata: { httpStatusCode: status } });
}

describe('a missing permission', () => {
  afterEach(() => vi.unstubAllEnvs());
  const denied = Object.assign(new Error('is not authorized to perform: s3:PutObject on resource: x'), {
    name: 'AccessDenied',
    $metadata: { httpStatusCode: 403 },
  });

  it('is one of the role in a function', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'ExportPage');
    expect(awsFailure('Writing it', denied).message).toBe(
      'Writing it failed (AccessDenied): the role of the function lacks the permission s3:PutObject; deploy the stack again. If the permission is still denied, look for a bucket policy, organization policy, or permissions boundary that denies it.',
    );
    expect(awsFailure('Writing it', answered(503, 'SlowDown')).message).toBe(
      'Writing it failed (SlowDown): transient AWS error; resume the run, or start a new run if it was never planned.',
    );
  });

  it('is one of your credentials on the command line', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', undefined);
    expect(awsFailure('Writing it', denied).message).toBe(
      'Writing it failed (AccessDenied): your AWS credentials lack the permission s3:PutObject; ask your AWS administrator for it.',
    );
  });
});

describe('awsFailure', () => {
  it.each([
    'BadDigest',
    'IncompleteBody',
    'XAmzContentSHA256Mismatch',
    'RequestTimeout',
    'OperationTimeoutException',
    'ThrottlingException',
    'TooManyRequestsException',
  ])('treats %s as transient although its status is 400', (name) => {
    expect(awsFailure('Writing it', answered(400, name))).toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining(`Writing it failed (${name}): transient AWS error`),
    });
  });

  it.each([
    [
      answered(400, 'InvalidRequest'),
      'Writing it failed (InvalidRequest, status 400): look up this error in the AWS documentation.',
    ],
    [answered(404, 'NoSuchUpload'), 'Writing it failed (NoSuchUpload, status 404): look up this error'],
    [answered(403, 'Unknown'), 'Writing it failed (status 403)'],
    [answered(301, 'Unknown'), 'Writing it failed (status 301)'],
    [answered(400, 'Unknown'), 'Writing it failed (status 400): look up this error'],
  ])('treats %s as permanent', (error, message) => {
    expect(awsFailure('Writing it', error)).toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ['The SSO session associated with this profile has expired.', 'dev', ' of profile "dev"', ' --profile dev'],
    ['Token is expired. To refresh this SSO session run aws sso login.', undefined, '', ''],
  ])('says how to renew a sign-in: %s', (message, profile, ofProfile, flag) => {
    const expired = Object.assign(new Error(message), { name: 'CredentialsProviderError' });
    expect(explainAwsFailure('Reading it', expired, { profile }).message).toBe(
      `Reading it failed (CredentialsProviderError): the AWS sign-in${ofProfile} has expired; renew it with aws sso login${flag}.`,
    );
  });

  it('uses the status of errors without a name', () => {
    expect(awsFailure('Looking at it', answered(503, 'Unknown'))).toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining('Looking at it failed (status 503): transient AWS error'),
    });
  });
});

describe('a connection that failed', () => {
  afterEach(() => vi.unstubAllEnvs());
  const failed = (facts: object, message = 'hidden') => Object.assign(new Error(message), facts);
  const ENDPOINT = 'minio.example.com:9000';
  const UNREACHABLE =
    'the S3 endpoint is unreachable; check --s3-endpoint (or AWS_ENDPOINT_URL_S3), the network, and that the store is running.';
  const CERTIFICATE =
    'the certificate of this host is not accepted; set NODE_EXTRA_CA_CERTS to the file of its CA, or check the host name and the clock.';
  const PROTOCOL = 'this host does not speak the protocol; check whether it needs http or https.';

  it.each([
    [failed({ code: 'ENOTFOUND', hostname: 'minio.example.com' }), `(ENOTFOUND minio.example.com): ${UNREACHABLE}`],
    [failed({ code: 'EAI_AGAIN', hostname: 'minio.example.com' }), `(EAI_AGAIN minio.example.com): ${UNREACHABLE}`],
    [failed({ code: 'ECONNREFUSED' }), `(ECONNREFUSED ${ENDPOINT}): ${UNREACHABLE}`],
    [failed({ name: 'TimeoutError' }), `(TimeoutError ${ENDPOINT}): ${UNREACHABLE}`],
    [failed({ cause: failed({ code: 'ECONNRESET' }) }), `(ECONNRESET ${ENDPOINT}): ${UNREACHABLE}`],
    [new AggregateError([failed({ code: 'ECONNREFUSED' })]), `(ECONNREFUSED ${ENDPOINT}): ${UNREACHABLE}`],
  ])('names the cause and the host of the endpoint, and is transient: %s', (error, message) => {
    expect(awsFailure('Writing it', error, ENDPOINT)).toMatchObject({
      name: 'StorageError',
      message: `Writing it failed ${message}`,
    });
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', CERTIFICATE],
    ['SELF_SIGNED_CERT_IN_CHAIN', CERTIFICATE],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', CERTIFICATE],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', CERTIFICATE],
    ['CERT_HAS_EXPIRED', CERTIFICATE],
    ['ERR_TLS_CERT_ALTNAME_INVALID', CERTIFICATE],
    ['EPROTO', PROTOCOL],
    ['ERR_SSL_WRONG_VERSION_NUMBER', PROTOCOL],
    ['HPE_INVALID_CONSTANT', PROTOCOL],
  ])('is permanent if it fails in the same way every time: %s', (code, advice) => {
    expect(awsFailure('Writing it', failed({ code }), ENDPOINT)).toMatchObject({
      name: 'ConfigError',
      message: `Writing it failed (${code} ${ENDPOINT}): ${advice}`,
    });
  });

  it('stays transient in a deployed function', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'ExportPage');
    expect(awsFailure('Writing it', failed({ code: 'EPROTO' }))).toMatchObject({
      name: 'StorageError',
      message: 'Writing it failed (EPROTO): AWS is unreachable; check the network.',
    });
  });
});

describe('a store without conditional writes', () => {
  it('is named as such, although its status is one of transient errors', () => {
    expect(awsFailure('Writing it', answered(501, 'NotImplemented'))).toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(
        /^Writing it failed \(NotImplemented\): this store does not support conditional writes, /,
      ),
    });
  });
});
