/** What a failed AWS call means and what to do: the one table of AWS error names, for Lambdas and for the command line. */
import { ExportError } from '../model/errors.ts';
import { RESUME_OR_START } from '../model/remedies.ts';

/** Which credentials and region a call used. What is unknown is left out of the message. */
export interface AwsCaller {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  /** Whether the call was made by a deployed function, with the credentials of its role. @default false */
  readonly inFunction?: boolean;
  /** The host of an S3-compatible store. @default AWS */
  readonly endpoint?: string | undefined;
}

interface ServiceFailure {
  readonly name?: string;
  readonly message?: string;
  /** Of Node's network errors. */
  readonly code?: unknown;
  readonly hostname?: unknown;
  /** A failed connection may be the cause of another error, or one of several: a host can have several addresses. */
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

type Advice = (caller: AwsCaller, message: string) => string;

const CATALOG_DOCS = 'docs/security.md, "Lake Formation and encrypted catalogs"';

/** AWS names the action; the rest of its message may hold account data. */
const DENIED: Advice = (caller, message) => {
  if (/lake formation/i.test(message)) {
    const [, permission] = /required ([a-z_ ,]+?) on /i.exec(message) ?? [];
    return `Lake Formation requires ${permission === undefined ? 'a permission' : `the permission ${permission}`}; grant each role the permissions listed in ${CATALOG_DOCS}`;
  }
  const action = /perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(message)?.[1];
  const { inFunction = false } = caller;
  const lacks = inFunction ? 'the role of the function lacks' : `your AWS credentials${ofProfile(caller)} lack`;
  if (action?.startsWith('kms:'))
    return `${lacks} the permission ${action} on the KMS key; grant it (for the key of an encrypted Data Catalog, see ${CATALOG_DOCS})`;
  const permission = action === undefined ? 'a permission' : `the permission ${action}`;
  const remedy = inFunction
    ? 'deploy the stack again. If the permission is still denied, look for a bucket policy, organization policy, or permissions boundary that denies it'
    : 'ask your AWS administrator for it';
  return `${lacks} ${permission}; ${remedy}`;
};
const EXPIRED: Advice = (caller) => `the AWS credentials${ofProfile(caller)} have expired; sign in again`;
const INVALID: Advice = ({ profile, region }) =>
  `the AWS credentials${ofProfile({ profile })} are not valid${region === undefined ? '' : ` in ${region}`}; check the key, its secret, and that the region is enabled`;
const MISSING: Advice = ({ profile }, message) => {
  const login = `aws sso login${profile === undefined ? '' : ` --profile ${profile}`}`;
  if (/\bsso\b|token/i.test(message) && /expired|invalid|refresh/i.test(message)) {
    return `the AWS sign-in${ofProfile({ profile })} has expired; renew it with ${login}`;
  }
  return profile === undefined
    ? 'no AWS credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    : `profile ${JSON.stringify(profile)} has no AWS credentials; sign in with ${login}, or add credentials with aws configure --profile ${profile}`;
};
const WRONG_REGION: Advice = () => 'the bucket is in another region; set AWS_REGION to the region of the bucket';

/** Permanent failures by the names AWS and its SDK give them, without the ending `Exception` that some services add. */
const ADVICE: Readonly<Record<string, Advice>> = {
  AccessDenied: DENIED,
  UnauthorizedOperation: DENIED,
  'status 403': () => 'the AWS credentials lack a permission or are not valid; check both',
  ExpiredToken: EXPIRED,
  RequestExpired: EXPIRED,
  UnrecognizedClient: INVALID,
  InvalidClientTokenId: INVALID,
  InvalidAccessKeyId: INVALID,
  SignatureDoesNotMatch: INVALID,
  InvalidSignature: INVALID,
  IncompleteSignature: INVALID,
  MissingAuthenticationToken: INVALID,
  CredentialsProviderError: MISSING,
  TokenProviderError: MISSING,
  ProviderError: MISSING,
  NoSuchBucket: () => 'the bucket does not exist; check its name, or create it',
  // Of the headers that a store may not know, requests have only those of conditional writes.
  NotImplemented: () =>
    'this store does not support conditional writes, and run locks need them; use Amazon S3, MinIO, Ceph, Cloudflare R2, or another store that does',
  PermanentRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  'status 301': WRONG_REGION,
  GlueEncryption: ({ inFunction, ...caller }) =>
    `${inFunction ? 'the role of the function is' : `your AWS credentials${ofProfile(caller)} are`} not allowed to use the KMS key of the encrypted Data Catalog; allow the permissions in ${CATALOG_DOCS}`,
  EntityNotFound: () =>
    'the Glue table or database does not exist; restore it as described in docs/operations.md, "Restore the tables"',
};

/** Connections that fail in the same way every time, by Node's error codes. Source: Node.js, "TLS (SSL)", certificate error codes. */
const UNANSWERED: readonly { readonly codes: RegExp; readonly advice: string }[] = [
  {
    codes: /CERT|^UNABLE_TO_|^INVALID_CA$|^HOSTNAME_MISMATCH$/,
    advice:
      'the certificate of this host is not accepted; set NODE_EXTRA_CA_CERTS to the file of its CA, or check the host name and the clock',
  },
  {
    codes: /^(EPROTO|ERR_SSL_|HPE_)/,
    advice: 'this host does not speak the protocol; check whether it needs http or https',
  },
];

/**
 * Transient failures that AWS answers with status 400: throttling, damaged bodies and timeouts. Source: Amazon S3 API
 * reference, "List of error codes"; AWS Glue web API reference, "BatchCreatePartition", Errors.
 */
const THROTTLED = /thrott|slowdown|toomany|^(request|bandwidth|execution)limitexceeded/i;
const DAMAGED = /^(BadDigest|ChecksumMismatch|IncompleteBody|XAmzContentSHA256Mismatch)$/;
const TIMED_OUT = /^(RequestTimeout|OperationTimeoutException)$/;
const TRANSIENT_STATUS = /^(408|409|429|5\d\d)$/;

export interface AwsFailure {
  /** One sentence: what failed, the name of the failure, what to do. Never the service's own message, which may hold the signed request. */
  readonly message: string;
  /** Whether the same call may succeed later. */
  readonly kind: 'permanent' | 'transient' | 'unknown';
}

/** @param what what was done to what: `Writing s3://bucket/key` */
export function explainAwsFailure(what: string, error: unknown, caller: AwsCaller = {}): AwsFailure {
  const failure = error as ServiceFailure;
  const { message = '' } = failure;
  const status = failure.$metadata?.httpStatusCode;
  const name = nameOf(failure);
  const again = caller.inFunction ? RESUME_OR_START : 'run the command again';
  const permanent = (why: string): AwsFailure => ({ message: `${what} failed${why}.`, kind: 'permanent' });
  const transient = (why: string): AwsFailure => ({ message: `${what} failed ${why}.`, kind: 'transient' });

  const advice = ADVICE[name.replace(/Exception$/, '')];
  if (advice) return permanent(` (${name}): ${advice(caller, message)}`);
  if (/region is missing/i.test(message)) {
    // `region` is present, even if undefined, for commands with --region.
    return permanent(`: no AWS region is set; set AWS_REGION${'region' in caller ? ' or pass --region' : ''}`);
  }
  if (/region not accepted/i.test(message)) {
    return permanent(`: ${JSON.stringify(caller.region)} is not an AWS region; use one such as eu-west-1`);
  }
  // Without a status, no service has answered.
  const unanswered = status === undefined ? networkFailure(failure) : undefined;
  if (unanswered) {
    const { code, host = caller.endpoint } = unanswered;
    const shown = `(${code}${host === undefined ? '' : ` ${host}`})`;
    const adviceFor = UNANSWERED.find(({ codes }) => codes.test(code));
    // A deployed function calls AWS, where such failures pass.
    if (adviceFor && !caller.inFunction) return permanent(` ${shown}: ${adviceFor.advice}`);
    return transient(`${shown}: ${unreachable(caller)}`);
  }
  if ([THROTTLED, DAMAGED, TIMED_OUT].some((names) => names.test(name)) || TRANSIENT_STATUS.test(String(status))) {
    return transient(`(${name}): transient AWS error; ${caller.inFunction ? again : `${again} in a minute`}`);
  }
  if (status === undefined || status < 400) {
    const shown = caller.inFunction ? 'the log of the function' : 'the output of --verbose';
    return {
      message: `${what} failed (${name}): ${again}; if it fails again, report it with ${shown}.`,
      kind: 'unknown',
    };
  }
  const shown = name === `status ${status}` ? name : `${name}, status ${status}`;
  return permanent(
    caller.endpoint === undefined
      ? ` (${shown}): look up this error in the AWS documentation`
      : ` (${shown}): check that ${caller.endpoint} is the S3 endpoint of the store, and look up this error in its documentation`,
  );
}

/**
 * The same as the error of a run: `ConfigError` if permanent; `StorageError`, which the state machine retries, otherwise.
 * @param endpoint the host of an S3-compatible store. @default AWS
 */
export function awsFailure(what: string, error: unknown, endpoint?: string): ExportError {
  const { message, kind } = explainAwsFailure(what, error, { inFunction: isLambda(), endpoint });
  return new ExportError(kind === 'permanent' ? 'ConfigError' : 'StorageError', message);
}

/** Commands use the same ports as the functions: `reattach`, for example. */
function isLambda(): boolean {
  return process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined;
}

/** The answer to HEAD has no body and so no name, and neither has a damaged body. */
function nameOf({ name = 'unknown error', message = '', $metadata }: ServiceFailure): string {
  if (/^Checksum mismatch/.test(message)) return 'ChecksumMismatch';
  const status = $metadata?.httpStatusCode;
  return name === 'Unknown' && status !== undefined ? `status ${status}` : name;
}

/** The error of a connection: the failure itself, its cause, or one of its errors. */
function networkFailure(failure: unknown): { readonly code: string; readonly host?: string } | undefined {
  const { name, code, hostname, cause, errors } = (failure ?? {}) as ServiceFailure;
  if (typeof code === 'string' && code !== '') {
    return { code, ...(typeof hostname === 'string' ? { host: hostname } : {}) };
  }
  if (name === 'TimeoutError') return { code: name };
  if (cause !== undefined) return networkFailure(cause);
  return Array.isArray(errors) && errors.length > 0 ? networkFailure(errors[0]) : undefined;
}

function unreachable({ endpoint, region }: AwsCaller): string {
  if (endpoint !== undefined) {
    return 'the S3 endpoint is unreachable; check --s3-endpoint (or AWS_ENDPOINT_URL_S3), the network, and that the store is running';
  }
  return `AWS is unreachable; check the network${region === undefined ? '' : ` and the region (${region})`}`;
}

function ofProfile({ profile }: AwsCaller): string {
  return profile === undefined ? '' : ` of profile ${JSON.stringify(profile)}`;
}

/** Whether the object does not exist. */
export function isNotFound(error: unknown): boolean {
  const { name } = error as ServiceFailure;
  return name === 'NoSuchKey' || name === 'NotFound';
}
