/** An error about a page, kept as its details: the code that detects it may not know the page or the number of requests. */
import { ExportError, type ExportErrorName } from './errors.ts';
import { RESUME_OR_START } from './remedies.ts';

/** `<problem> for <thing> (<values>): <remedy>.` */
export interface PageProblem {
  readonly problem: string;
  readonly thing?: string | undefined;
  readonly values?: readonly string[] | undefined;
  /** @default `RESUME_OR_CONTACT` */
  readonly remedy?: string | undefined;
}

/** What to do about a response that is probably damaged. */
const RESUME_OR_CONTACT = `${RESUME_OR_START}; if it fails again, contact Salesforce`;
/** What to do about a response that is probably not from the API. */
export const CHECK_HOST = `check accountName and instance, then ${RESUME_OR_START}`;

export class PageError extends ExportError {
  readonly details: PageProblem;

  constructor(name: ExportErrorName, details: PageProblem) {
    const { problem, thing, values = [], remedy = RESUME_OR_CONTACT } = details;
    const about = thing === undefined ? '' : ` for ${thing}`;
    super(name, `${problem}${about}${values.length === 0 ? '' : ` (${values.join('; ')})`}: ${remedy}.`);
    this.details = details;
  }

  /** The same error under another name. */
  as(name: ExportErrorName): PageError {
    return new PageError(name, this.details);
  }

  /** The same error about a page. */
  about(thing: string): PageError {
    return new PageError(this.name, { ...this.details, thing });
  }

  /** The same error with a further value. */
  withValue(value: string): PageError {
    return new PageError(this.name, { ...this.details, values: [...(this.details.values ?? []), value] });
  }
}
