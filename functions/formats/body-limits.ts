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

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const OPEN_ARRAY = 0x5b;
const BRACE_BIT = 0x20;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Checks bytes that may or may not be valid JSON.
 * @returns the number of commas outside strings
 * @throws PageError `ApiContentError` if nested too deeply, `PageTooLargeError` if it has too many values
 */
export function checkJsonLimits(body: Buffer): number {
  let depth = 0;
  let groups = 0;
  let commas = 0;
  for (let i = 0; i < body.length; ) {
    const byte = body[i++] as number;
    if (byte === QUOTE) {
      while (i < body.length) {
        const inside = body[i++];
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) i++;
      }
    } else if (byte === COMMA) {
      commas++;
    } else if (byte >= OPEN_ARRAY) {
      // Sets the one bit by which braces differ from brackets; no other byte in this range becomes a brace.
      const asBrace = byte | BRACE_BIT;
      if (asBrace === OPEN_OBJECT) {
        groups++;
        if (++depth > MAX_DEPTH) {
          const problem = `JSON nested deeper than ${MAX_DEPTH} levels`;
          throw new PageError('ApiContentError', { problem, remedy: 'contact Salesforce' });
        }
      } else if (asBrace === CLOSE_OBJECT) {
        depth--;
      }
    }
  }
  // An array of n values has n - 1 commas.
  refuseMore(groups, 'objects and arrays', groups + commas, 'values');
  return commas;
}

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
  refuseMore(lines, 'lines', lines + commas, 'cells');
}

function refuseMore(groups: number, groupsName: string, values: number, valuesName: string): void {
  if (groups > MAX_GROUPS) throw tooMany(MAX_GROUPS, groupsName);
  if (values > MAX_VALUES) throw tooMany(MAX_VALUES, valuesName);
}

function tooMany(limit: number, what: string): PageError {
  // The client replaces the remedy by one with a page size.
  const problem = `Response with more than ${limit} ${what}`;
  return new PageError('PageTooLargeError', { problem, remedy: 'use a smaller pageSize' });
}
