/** Errors for an API that does not page as requested. */
import { ExportError } from '../../model/errors.ts';

/** The error for an API that ignores the page number. @param pages that are the same, and their verb */
export function samePageAgain(pages = 'every page has'): ExportError {
  return new ExportError(
    'PagingError',
    `The API ignores the page parameter (${pages} the same accounts): contact Salesforce.`,
  );
}

/** The error for an API that returns fewer accounts than requested although more follow. */
export function pageSizeCapped(pageSize: number, served: number): ExportError {
  return new ExportError(
    'PageSizeCappedError',
    `The API caps pages at ${served} ${served === 1 ? 'account' : 'accounts'} (${pageSize} requested): start a new run with pageSize ${served}.`,
  );
}
