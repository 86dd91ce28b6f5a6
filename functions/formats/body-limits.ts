/**
 * Limits of a body, checked before it is parsed.
 *
 * A limit in bytes does not limit memory: 32 MiB of `{},` takes 1.8 GB when parsed, and 32 MiB of commas and line breaks in
 * CSV more than 3 GB. These limits count what parsers allocate memory for.
 */
import { PageError } from '../model/page-error.ts';

/** No account is nested this deeply; recursive code would overflow the stack. */
export const MAX_DEPTH = 1000;
/** Objects and arrays of a JSON page, or lines of a CSV page: 10 for each account of the largest page. */
export const MAX_GROUPS = 500_000;
/** Values of a JSON page, or cells of a CSV page: 50 for each account of the largest page. */
export const MAX_VALUES = 2_500_000;

const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Checks bytes that may or may not be valid CSV. Line breaks within quotes count, too.
 * @throws PageError `PageTooLargeError` if it has too many lines or cells
 */
export function checkCsvLimits(body: Buffer): void {
  let lines = 0;
  let commas = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === COMMA) commas++;
    else if (byte === LINE_FEED || (byte === CARRIAGE_RETURN && body[i + 1] !== LINE_FEED)) lines++;
  }
  refuseMore({ groups: lines, groupsName: 'lines', separators: commas, valuesName: 'cells' });
}

export interface Counted {
  readonly groups: number;
  readonly groupsName: string;
  /** Commas: a group of n values has n - 1. */
  readonly separators: number;
  readonly valuesName: string;
}

/** @throws PageError `PageTooLargeError` */
export function refuseMore({ groups, groupsName, separators, valuesName }: Counted): void {
  if (groups > MAX_GROUPS) throw tooMany(MAX_GROUPS, groupsName);
  if (groups + separators > MAX_VALUES) throw tooMany(MAX_VALUES, valuesName);
}

export function tooDeep(): PageError {
  const problem = `JSON nested deeper than ${MAX_DEPTH} levels`;
  return new PageError('ApiContentError', { problem, remedy: 'contact Salesforce' });
}

function tooMany(limit: number, what: string): PageError {
  // The client replaces the remedy by one with a page size.
  const problem = `Response with more than ${limit} ${what}`;
  return new PageError('PageTooLargeError', { problem, remedy: 'use a smaller pageSize' });
}
