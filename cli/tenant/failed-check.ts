/** Errors of the client, which are written for runs, as findings. */
import type { ExportError } from '../../functions/model/errors.ts';
import { PageError } from '../../functions/model/page-error.ts';
import { RESUME_OR_START } from '../../functions/model/remedies.ts';
import { withFlagNames } from '../flags/export-flags.ts';
import { failureOf, type Result, warn } from '../terminal/findings.ts';
import { LIMITS } from './look-at-tenant.ts';

/** Statuses of a host that is not this API, or is not reached. */
const OTHER_HOST = [405, 407, 501, 505, 511];

/**
 * The check that a failed request belongs to.
 * @param status of the response; `undefined` if there was none
 */
export function checkOfFailure(
  { name, message }: ExportError,
  status: number | undefined,
): 'host' | 'API key' | 'dataset' | 'responses' | 'page size' | 'retries' {
  if (name === 'ApiCredentialsError') return status === 403 ? 'dataset' : 'API key';
  if (name === 'ApiThrottledError' || name === 'ApiWaitError') return 'retries';
  if (name === 'PagingError' || name === 'PageTooLargeError') return 'page size';
  // Without a response, the network failed, or the key could not be read from Secrets Manager.
  if (name === 'ApiConnectionError' || (status === undefined && name === 'ApiUnavailableError')) return 'host';
  if (status === undefined) return 'API key';
  if (status === 200) return /\bHTML\b|^Unexpected JSON|^Text instead/.test(message) ? 'host' : 'responses';
  return status >= 500 || (status >= 300 && status < 400) || OTHER_HOST.includes(status) ? 'host' : 'dataset';
}

/** A failed check. Without records left, or while the API is unavailable, the tenant may be as expected. */
export function failed(error: ExportError): Result {
  if (error.name === 'BudgetExceededError') {
    const limit = `${LIMITS.records} records or ${LIMITS.requests} requests`;
    return warn(
      `not checked: the limit of ${limit} is used up`,
      'Follow the advice of the other checks, then check again.',
    );
  }
  const { problem, remedy } = partsOf(error);
  return { status: 'fail', detail: problem, remedy: remedy && forDoctor(remedy), command: null };
}

function partsOf(error: ExportError): { problem: string; remedy: string | null } {
  if (error instanceof PageError) {
    const {
      problem,
      values = [],
      thing,
      remedy = 'check again; if it fails again, contact Salesforce',
    } = error.details;
    const about = thing === undefined ? '' : ` for ${thing}`;
    const brackets = values.length === 0 ? '' : ` (${values.join('; ')})`;
    return { problem: `${problem}${about}${brackets}`.replace(CANNOT_FETCH, ''), remedy: `${remedy}.` };
  }
  const { detail, remedy } = failureOf(error.message, 'fail');
  return { problem: detail.replace(CANNOT_FETCH, ''), remedy };
}

const CANNOT_FETCH = /^Cannot fetch page \d+ of dataset "[^"]*" from /;

const SMALLER_PAGES = /\. If it times out again, .*$/s;
const PARAMETERS = /^check the parameters \(([^)]*)\).*$/s;

/** Advice that names `--account` and `--instance`, for those who passed `--api-url`. */
export function namingApiUrl(remedy: string): string {
  return remedy
    .replaceAll(', --account and --instance', ' and --api-url')
    .replaceAll('--account and --instance', '--api-url');
}

/** Advice for runs, for people who have none yet. */
function forDoctor(remedy: string): string {
  const advice = withFlagNames(remedy)
    .replaceAll(RESUME_OR_START, 'check again')
    .replaceAll('start a new run with ', 'use ')
    .replaceAll('use format ', 'use --format ')
    .replaceAll('lower concurrency', 'lower --concurrency')
    // The checks request few accounts at a time.
    .replace(SMALLER_PAGES, '.')
    .replace(PARAMETERS, (_, parameters: string) => {
      const flags = parameters.split(', ').filter((flag) => flag.startsWith('--') && !flag.startsWith('--page-size'));
      return `check ${new Intl.ListFormat('en').format(['--dataset', ...flags])}, then check again.`;
    });
  // Not a name, such as `keyId`.
  return advice.replace(/^[a-z]+(?=[ ,])/, (word) => word.slice(0, 1).toUpperCase() + word.slice(1));
}
