/**
 * How much a body may hold, counted before anything parses it.
 *
 * Bytes alone bound no memory: 32 MiB of `{},` became eleven million objects and 1.8 GB, and as many of `,` and line breaks
 * in CSV more than 3 GB. What is counted here is what parsers allocate for. A page over a limit is no defect of the API:
 * a smaller page size does, and the client names one.
 */
import { ExportError } from '../model/errors.ts';

/** Deeper values than this are no account: nothing may meet them and recurse. */
export const MAX_DEPTH = 1000;
/** Objects and lists of a JSON page, or rows of a CSV page; ten for each account of the largest page. */
export const MAX_GROUPS = 500_000;
/** Values of a JSON page, or cells of a CSV page; fifty for each account of the largest page. */
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
 * Looks over bytes that may be JSON, valid or not.
 * @throws ExportError `ApiAnswerError` nested too deep, `PageTooLargeError` with more values than a page may hold
 */
export function checkJsonLimits(body: Buffer): void {
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
      // What a bracket lacks to be a brace; no other byte from here on becomes one by it.
      const bracket = byte | BRACE_BIT;
      if (bracket === OPEN_OBJECT) {
        groups++;
        if (++depth > MAX_DEPTH) {
          throw new ExportError(
            'ApiAnswerError',
            `The API's answer is nested deeper than ${MAX_DEPTH} levels, which no account is.`,
          );
        }
      } else if (bracket === CLOSE_OBJECT) {
        depth--;
      }
    }
  }
  // A list of n values has n - 1 commas.
  refuseMore(groups, 'objects and lists', groups + commas, 'values');
}

/**
 * Looks over bytes that may be CSV; line breaks within quotes count too.
 * @throws ExportError `PageTooLargeError` with more cells than a page may hold
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

function tooMany(limit: number, what: string): ExportError {
  return new ExportError('PageTooLargeError', `The API's answer holds more than ${limit} ${what}.`);
}
