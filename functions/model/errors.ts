/**
 * Every error an export can end with, by name.
 *
 * Only `name`, `message` and stack leave a Lambda, and Step Functions matches `name`: names are string literals because a
 * minifier renames classes. What the operator needs is in the message. A message never holds credentials, headers,
 * response bodies or account data.
 */
import type { Usage } from './usage.ts';

/** The names of errors that time can heal: the client tries again, then the state machine does. */
export const TRANSIENT_ERRORS = ['ApiThrottledError', 'ApiUnavailableError', 'ApiAnswerError', 'StorageError'] as const;

/** The names of errors that time cannot heal: the run fails at once, with a sentence that says what to do. */
export const PERMANENT_ERRORS = [
  'ApiCredentialsError',
  'ApiNotFoundError',
  'ApiRequestError',
  'PageSizeCappedError',
  'PageTooLargeError',
  'PagingError',
  'PlanTooLargeError',
  'BudgetExceededError',
  'RequestError',
  'ConfigError',
  'RunIncompleteError',
  'DriftedError',
  'QuarantinedError',
] as const;

export type TransientErrorName = (typeof TRANSIENT_ERRORS)[number];
export type PermanentErrorName = (typeof PERMANENT_ERRORS)[number];
export type ExportErrorName = TransientErrorName | PermanentErrorName;

/** Base of all errors that this project raises on purpose; `name` is one of the lists above. */
export class ExportError extends Error {
  override readonly name: ExportErrorName;
  readonly transient: boolean;
  /** What the failed attempt cost, when it got as far as the API. */
  usage: Usage | undefined;

  constructor(name: ExportErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
    this.transient = (TRANSIENT_ERRORS as readonly string[]).includes(name);
  }
}

/** 429: `retryAfterMs` is what the API asked for, when it did and the wait was too long for the client. */
export class ApiThrottledError extends ExportError {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super('ApiThrottledError', message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether `error` is one of this project's, of any class or of the class named. */
export function isExportError(error: unknown, name?: ExportErrorName): error is ExportError {
  return error instanceof ExportError && (name === undefined || error.name === name);
}
