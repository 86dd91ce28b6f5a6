import { ExportError } from '../../model/errors.ts';

/** The page numbers of a plan travel in the state of the workflow, which holds 256 KiB. */
export const MAX_PAGES = 30_000;

/** @throws ExportError `PlanTooLargeError` naming a page size that is large enough */
export function refuseTooManyPages(accounts: number, pageSize: number): void {
  const pages = Math.ceil(accounts / pageSize);
  if (pages <= MAX_PAGES) return;
  const enough = Math.ceil(accounts / MAX_PAGES / 100) * 100;
  throw new ExportError(
    'PlanTooLargeError',
    `Too many pages for one run (${pages} pages of ${pageSize} accounts, maximum ${MAX_PAGES}): set pageSize to ${enough} or more.`,
  );
}
