import { isUtf8 } from 'node:buffer';
import { PageError } from '../model/page-error.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes a body and drops a byte order mark.
 * @throws PageError `ApiAnswerError` for invalid UTF-8
 */
export function decodeUtf8(body: Buffer): string {
  try {
    return decoder.decode(body);
  } catch {
    throw invalidUtf8(body);
  }
}

/** Checks a body without decoding it. @throws PageError `ApiAnswerError` for invalid UTF-8 */
export function checkUtf8(body: Buffer): void {
  if (!isUtf8(body)) throw invalidUtf8(body);
}

function invalidUtf8(body: Buffer): PageError {
  return new PageError('ApiAnswerError', { problem: 'Invalid UTF-8', values: [`${body.length} bytes`] });
}
