/**
 * Every error an export can end with, by name.
 *
 * Only `name`, `message` and stack leave a Lambda, and Step Functions matches `name`: names are string literals because a
 * minifier renames classes. What the operator needs is in the message. A message never holds credentials, headers,
 * response bodies or account data.
 */

/** The names of errors that time can heal: the client tries again, then the state machine does. */
export const TRANSIENT_ERRORS = ['ApiThrottledError', 'ApiUnavailableError', 'ApiAnswerError', 'StorageError'] as const;

/** The names of errors that time cannot heal: the run fails at once, with a sentence that says what to do. */
export const TERMINAL_ERRORS = [
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
export type TerminalErrorName = (typeof TERMINAL_ERRORS)[number];
export type ExportErrorName = TransientErrorName | TerminalErrorName;

/** What was spent on requests that did not end well: the contract counts them too. */
export interface Spent {
  /** HTTP requests sent. */
  readonly apiRequests: number;
  /** Records counted against the contract; for a body that broke off, as many as were asked for. */
  readonly recordsFetched: number;
  /** Tries after the first, by cause, such as `429` or `connection`. */
  readonly retries: Readonly<Record<string, number>>;
}

/** Base of all errors that this project raises on purpose; `name` is one of the lists above. */
export class ExportError extends Error {
  override readonly name: ExportErrorName;
  readonly transient: boolean;
  /** What the failed attempt cost, when it got as far as the API. */
  spent: Spent | undefined;

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
