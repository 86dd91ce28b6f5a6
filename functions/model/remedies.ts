/** What to do about a run that failed. The email and the command line both say so, next to the message of the error. */
import type { PERMANENT_ERRORS } from './errors.ts';

/** `new run`: what has to change is pinned by the plan, so a resumed run would fail again. */
export type Remedy = 'resume' | 'resume with a higher maxRecords' | 'publish' | 'new run';

/** For what may also fail before the run is planned: without a plan, a run cannot be resumed. */
export const RESUME_OR_START = 'resume the run, or start a new run if it was never planned';

/** Every permanent error has its remedy here. */
const REMEDIES: Readonly<Record<(typeof PERMANENT_ERRORS)[number], Remedy>> = {
  ApiCredentialsError: 'resume',
  // The plan was made with the same dataset and host: they have to become available again.
  ApiNotFoundError: 'resume',
  ApiRequestError: 'new run',
  ApiConnectionError: 'resume',
  ApiContentError: 'resume',
  ApiWaitError: 'resume',
  PageSizeCappedError: 'new run',
  PageTooLargeError: 'new run',
  // Finished parts may hold the same page, and are not fetched again.
  PagingError: 'new run',
  PlanTooLargeError: 'new run',
  BudgetExceededError: 'resume with a higher maxRecords',
  RequestError: 'new run',
  ConfigError: 'resume',
  RunIncompleteError: 'resume',
  DriftedError: 'publish',
  QuarantinedError: 'publish',
};

/**
 * What to do about a planned run that ended with this error. Transient errors and those of AWS need no change.
 * @param error a name of `errors.ts`, or one that AWS gives
 */
export function remedyOf(error: string): Remedy {
  return (REMEDIES as Readonly<Record<string, Remedy>>)[error] ?? 'resume';
}
