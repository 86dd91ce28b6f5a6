import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from './errors.ts';

/**
 * How long a run survives an API that is down: waits of 10, 20, 40, 80, 160 and then 300 s at most, with full jitter. That
 * is up to 80 minutes; 20 pages in flight survive 20 minutes in 99 of 100 outages (`docs/decisions/0006-retries.md`). The
 * client's own short retries are within each attempt.
 */
export const RETRY_POLICY = {
  IntervalSeconds: 10,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 20,
  JitterStrategy: 'FULL',
} as const;

/** What Step Functions calls the end of a task that takes too long. A run that takes too long has no error of its own. */
export const TIMEOUT_ERROR = 'States.Timeout';

/**
 * The longest wait that the API may ask for with `Retry-After`; a run fails at once if it asks for more. The attempts above
 * outlast it: 100 pages in flight survive 20 minutes in 99 of 100 cases.
 */
export const MAX_API_WAIT_SECONDS = 900;

/**
 * Transient errors of Lambda itself. `Sandbox.Timedout` is a function's own timeout, `States.Timeout` that of the task.
 * Source: Step Functions developer guide, "Handle transient Lambda service exceptions".
 */
export const LAMBDA_ERRORS = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'Sandbox.Timedout',
  TIMEOUT_ERROR,
] as const;

/**
 * Errors while Lambda makes a function ready: it reclaims the code and the network interfaces of a function that was idle
 * for weeks, and restores them at the next call. `CodeArtifactUserFailedException` is absent because only new code ends it.
 * Source: Lambda API reference, "Invoke", Errors.
 */
export const NOT_READY_ERRORS = [
  'Lambda.ResourceNotReadyException',
  'Lambda.ResourceConflictException',
  'Lambda.CodeArtifactUserPendingException',
  'Lambda.CodeArtifactUserDeletedException',
  'Lambda.ENINotReadyException',
  'Lambda.ENILimitReachedException',
  'Lambda.SubnetIPAddressLimitReachedException',
  'Lambda.EC2ThrottledException',
  'Lambda.EC2UnexpectedException',
] as const;

/** Five minutes, because restoring takes up to two. Without jitter, so that the time is certain. */
export const NOT_READY_POLICY = { IntervalSeconds: 15, BackoffRate: 1, MaxAttempts: 20 } as const;

/** For crashes and unknown errors: the cause may be the sandbox, or the code, which more attempts would not help. */
export const CRASH_POLICY = { IntervalSeconds: 10, BackoffRate: 2, MaxAttempts: 2, JitterStrategy: 'FULL' } as const;

/**
 * The `Retry` of a task. Step Functions applies the first entry that matches an error, and no other one when its attempts
 * are used up; so the wildcard comes last, and permanent errors have an entry that keeps them from it.
 *
 * @param attempts how often transient errors are retried
 */
export function taskRetries(attempts: number = RETRY_POLICY.MaxAttempts) {
  return [
    { ErrorEquals: NOT_READY_ERRORS, ...NOT_READY_POLICY },
    { ErrorEquals: PERMANENT_ERRORS, MaxAttempts: 0 },
    { ErrorEquals: [...TRANSIENT_ERRORS, ...LAMBDA_ERRORS], ...RETRY_POLICY, MaxAttempts: attempts },
    // Any error except `States.Timeout`.
    { ErrorEquals: ['States.TaskFailed'], ...CRASH_POLICY, MaxAttempts: Math.min(CRASH_POLICY.MaxAttempts, attempts) },
  ];
}
