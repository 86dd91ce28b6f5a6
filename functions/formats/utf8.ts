import { ExportError } from '../model/errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * A body as text; a byte order mark is dropped.
 * @throws ExportError `ApiAnswerError` when the bytes are no UTF-8
 */
export function decodeUtf8(body: Buffer): string {
  try {
    return decoder.decode(body);
  } catch {
    throw new ExportError('ApiAnswerError', `The API's answer of ${body.length} bytes is not valid UTF-8.`);
  }
}
