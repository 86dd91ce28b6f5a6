/** What a failure of AWS means to somebody at a terminal: one sentence that says what was tried and what to do. */
import { CommandError } from './command-error.ts';

/** Where AWS was asked, for the sentence; what is not known is left out. */
export interface AwsPlace {
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
}

interface ServiceFailure {
  readonly name?: string;
  readonly message?: string;
  /** Of Node's network errors. */
  readonly code?: unknown;
  readonly hostname?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const EXPIRED = ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'];
const INVALID = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
];
const DENIED = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'];
/** What the SDK's own credential providers throw. */
const WITHOUT_CREDENTIALS = ['CredentialsProviderError', 'TokenProviderError', 'ProviderError'];

/**
 * Turns what the SDK threw into one sentence. The service's own message is never passed on: that of a refused signature
 * holds the signed request. Of a refused right, the action alone is taken from it.
 *
 * @param what what was tried on what, such as `Starting a run of "engage"`
 */
export function awsFailure(what: string, error: unknown, place: AwsPlace = {}): CommandError {
  const { name = 'unknown error', message = '', code, $metadata } = error as ServiceFailure;
  const status = $metadata?.httpStatusCode;
  const fails = (why: string, transient = false) =>
    new CommandError(`${what} failed${why}.`, { cause: error, transient });

  if (WITHOUT_CREDENTIALS.includes(name)) return new CommandError(withoutCredentials(message, place), { cause: error });
  if (/region is missing/i.test(message)) {
    return new CommandError(
      'No AWS region is set: name it with --region, or set AWS_REGION or the region of the profile.',
      { cause: error },
    );
  }
  if (/region not accepted/i.test(message)) {
    return fails(`: ${JSON.stringify(place.region)} is no AWS region; one such as eu-west-1 is needed`);
  }
  if (EXPIRED.includes(name)) {
    return fails(` (${name}): the AWS credentials${ofProfile(place)} have expired; sign in again`);
  }
  if (INVALID.includes(name)) {
    return fails(
      ` (${name}): AWS does not know the credentials${ofProfile(place)}${inRegion(place)}; check the key, its secret, and that the region is enabled`,
    );
  }
  if (DENIED.includes(name)) {
    const action = /perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(message)?.[1];
    return fails(
      ` (${name}): the AWS credentials${ofProfile(place)} may not do this; ${action ?? 'a right'} is missing`,
    );
  }
  if (/thrott|toomany|limitexceeded|slowdown/i.test(name) || status === 429) {
    return fails(` (${name}): AWS keeps throttling; try again in a minute`, true);
  }
  // A failure that no service answered with comes from the way there.
  if (status === undefined && (typeof code === 'string' || name === 'TimeoutError')) {
    return fails(` (${networkFailure(error as ServiceFailure)}): AWS cannot be reached; ${checkNetwork(place)}`, true);
  }
  if (status !== undefined && status >= 500) {
    return fails(` (${name}, status ${status}): AWS has trouble; try again in a minute`, true);
  }
  return fails(` (${name}${status === undefined ? '' : `, status ${status}`})`);
}

function withoutCredentials(message: string, { profile }: AwsPlace): string {
  const login = `aws sso login${profile === undefined ? '' : ` --profile ${profile}`}`;
  if (/\bsso\b|token/i.test(message) && /expired|invalid|refresh/i.test(message)) {
    return `The AWS sign-in${ofProfile({ profile })} has expired: ${login} renews it.`;
  }
  return profile === undefined
    ? 'No AWS credentials were found: name a profile with --profile, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'
    : `Profile ${JSON.stringify(profile)} gives no AWS credentials: sign in with ${login}, or complete the profile with aws configure.`;
}

function networkFailure({ name, code, hostname }: ServiceFailure): string {
  const what = typeof code === 'string' ? code : name;
  return typeof hostname === 'string' ? `${what} ${hostname}` : String(what);
}

function checkNetwork({ region }: AwsPlace): string {
  return region === undefined
    ? 'check the network'
    : `check the network, and that ${JSON.stringify(region)} is the region that is meant`;
}

function ofProfile({ profile }: AwsPlace): string {
  return profile === undefined ? '' : ` of profile ${JSON.stringify(profile)}`;
}

function inRegion({ region }: AwsPlace): string {
  return region === undefined ? '' : ` in ${region}`;
}
