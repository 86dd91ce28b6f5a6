import { ExportError } from '../model/errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes a body and drops a byte order mark.
 * @throws ExportError `ApiAnswerError` for invalid UTF-8
 */
export function decodeUtf8(body: Buffer): string {
  try {
    return decoder.decode(body);
  } catch {
    throw new ExportError('ApiAnswerError', `The API response is not valid UTF-8 (${body.length} bytes).`);
  }
}
