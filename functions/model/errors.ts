/**
 * Every error an export can end with, by name.
 *
 * Only `name`, `message` and stack leave a Lambda, and Step Functions matches `name`, so names are string literals: a
 * minifier renames classes. The message says what to do. It never holds credentials, headers, bodies or account data.
 */
import type { Usage } from './usage.ts';

/** Transient: the client retries, then the state machine does. */
export const TRANSIENT_ERRORS = ['ApiThrottledError', 'ApiUnavailableError', 'ApiAnswerError', 'StorageError'] as const;

/** Permanent: the run fails at once, with a message that says what to do. */
export const PERMANENT_ERRORS = [
  'ApiCredentialsError',
  'ApiNotFoundError',
  'ApiRequestError',
  // No request can succeed until a person changes something: a certificate, the host, a proxy.
  'ApiConnectionError',
  // Complete answers that are not accounts, several times in a row, such as a login page.
  'ApiContentError',
  // The API asks to wait longer than a run waits.
  'ApiWaitError',
  'PageSizeCappedError',
  'PageTooLargeError',
  'PagingError',
  'PlanTooLargeError',
  'BudgetExceededError',
  // The request of a run or of a command cannot be fulfilled: it is invalid, or the run is already published, for example.
  // `ApiRequestError` is about an HTTP request.
  'RequestError',
  'ConfigError',
  // Stored objects of the run are missing or damaged.
  'RunIncompleteError',
  'DriftedError',
  'QuarantinedError',
] as const;

export type ExportErrorName = (typeof TRANSIENT_ERRORS | typeof PERMANENT_ERRORS)[number];

/** Base of all errors that this project raises on purpose; `name` is one of the lists above. */
export class ExportError extends Error {
  override readonly name: ExportErrorName;
  readonly transient: boolean;
  /** What the failed call used, when it reached the API. */
  usage: Usage | undefined;

  constructor(name: ExportErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
    this.transient = (TRANSIENT_ERRORS as readonly string[]).includes(name);
  }
}

/** Whether `error` is one of this project's, of any name or of the given one. */
export function isExportError(error: unknown, name?: ExportErrorName): error is ExportError {
  return error instanceof ExportError && (name === undefined || error.name === name);
}
