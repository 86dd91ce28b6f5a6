/** Which bytes an answer says its text is made of. */
import { isAscii } from 'node:buffer';

/** Charsets in which bytes below 128 are ASCII, by the names of the WHATWG Encoding Standard. */
const OVER_ASCII = /^(?:windows-|iso-8859-|koi8-|macintosh$|x-mac-)/;

/**
 * Whether a body would be misread as UTF-8, by the charset that its content type names.
 *
 * No charset is UTF-8: JSON is by RFC 8259, and the API documents none. A servlet that sets none says ISO-8859-1, so a body
 * of ASCII alone is taken under any charset that agrees on ASCII. Bytes beyond are refused, also where they happen to be
 * UTF-8: `\xc3\xa9` is one letter in one and two in the other.
 */
export function usesOtherCharset(contentType: string, body: Buffer): boolean {
  const label = /;\s*charset\s*=\s*["']?([^\s"';,]+)/i.exec(contentType)?.[1];
  if (label === undefined) return false;
  const encoding = encodingOf(label);
  if (encoding === 'utf-8') return false;
  return encoding === undefined || !OVER_ASCII.test(encoding) || !isAscii(body);
}

/** `undefined` for a name that nobody knows. */
function encodingOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
