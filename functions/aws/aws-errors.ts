/** What an AWS service's failure means to an export. */
import { ExportError } from '../model/errors.ts';

interface ServiceFailure {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $retryable?: unknown;
}

/** Failures that no other try heals, by the names the services give them, and what to do about each. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDenied: 'the role or user may not do this',
  AccessDeniedException: 'the role or user may not do this',
  'status 403': 'the role or user may not do this, or the AWS credentials are not valid',
  NoSuchBucket: 'there is no such bucket',
  PermanentRedirect: 'the bucket lies in another region: set AWS_REGION',
  'status 301': 'the bucket lies in another region: set AWS_REGION',
  AuthorizationHeaderMalformed: 'the bucket lies in another region: set AWS_REGION',
  InvalidAccessKeyId: 'the AWS credentials are not valid',
  SignatureDoesNotMatch: 'the AWS credentials are not valid',
  ExpiredToken: 'the AWS credentials have expired',
  ExpiredTokenException: 'the AWS credentials have expired',
  UnrecognizedClientException: 'the AWS credentials are not valid',
  CredentialsProviderError: 'no AWS credentials were found: set AWS_PROFILE or the usual variables',
  EntityNotFoundException: 'the table or the database does not exist; deploy the stack first',
};

/**
 * Failures that another try heals, though the services give them status 400: bodies that came to harm on their way, and
 * connections or operations that took too long. Source: Amazon S3 API reference, "List of error codes"; AWS Glue web API
 * reference, "BatchCreatePartition", Errors.
 */
const HEALED_BY_TIME: ReadonlySet<string> = new Set([
  'BadDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
  'RequestTimeout',
  'OperationTimeoutException',
]);

/**
 * Turns a failure of the AWS SDK into one sentence. Transient ones have been tried by the SDK already; the state machine
 * tries them again later.
 *
 * @param what what was tried on what, such as `Writing s3://bucket/key`
 */
export function awsFailure(what: string, error: unknown): ExportError {
  const status = (error as ServiceFailure).$metadata?.httpStatusCode;
  const name = nameOf(error as ServiceFailure);
  const advice = ADVICE[name];
  if (advice !== undefined) return new ExportError('ConfigError', `${what} failed (${name}): ${advice}.`);
  if (/region is missing/i.test(String((error as Error).message))) {
    return new ExportError('ConfigError', `${what} failed: no AWS region is set: set AWS_REGION.`);
  }
  const terminal =
    status !== undefined &&
    status >= 400 &&
    status < 500 &&
    status !== 408 &&
    status !== 409 &&
    status !== 429 &&
    !HEALED_BY_TIME.has(name) &&
    !/thrott|slowdown|toomany/i.test(name);
  const named = name === `status ${status}` ? name : `${name}, status ${status}`;
  return terminal
    ? new ExportError('ConfigError', `${what} failed (${named}).`)
    : new ExportError('StorageError', `${what} failed (${name}); it can be tried again later.`);
}

/** An answer to HEAD has no body, so all that it tells is its status; a body that came otherwise than it lies has no name. */
function nameOf({ name = 'unknown error', message = '', $metadata }: ServiceFailure): string {
  if (/^Checksum mismatch/.test(message)) return 'ChecksumMismatch';
  const status = $metadata?.httpStatusCode;
  return name === 'Unknown' && status !== undefined ? `status ${status}` : name;
}

/** Whether a failure says that the thing is not there. */
export function isNotFound(error: unknown): boolean {
  const { name } = error as ServiceFailure;
  return name === 'NoSuchKey' || name === 'NotFound';
}
