import { afterEach, describe, expect, it, vi } from 'vitest';
import { awsFailure } from '../../functions/aws/aws-errors.ts';

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
      'Writing it failed (AccessDenied): the role of the function lacks the permission s3:PutObject; deploy the stack again. If it fails again, look for a policy that denies it.',
    );
    expect(awsFailure('Writing it', answered(503, 'SlowDown')).message).toBe(
      'Writing it failed (SlowDown): transient AWS error; resume the run (if it was not planned yet, start it again).',
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

  it('uses the status of errors without a name', () => {
    expect(awsFailure('Looking at it', answered(503, 'Unknown'))).toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining('Looking at it failed (status 503): transient AWS error'),
    });
  });
});
