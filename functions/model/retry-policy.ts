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

/**
 * Transient errors of Lambda itself. `Sandbox.Timedout` is a function's own timeout.
 * Source: Step Functions developer guide, "Handle transient Lambda service exceptions".
 */
export const LAMBDA_ERRORS = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'Sandbox.Timedout',
] as const;
