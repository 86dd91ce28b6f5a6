import { isAscii } from 'node:buffer';

/** Supersets of ASCII, by their names in the WHATWG Encoding Standard. */
const OVER_ASCII = /^(?:windows-|iso-8859-|koi8-|macintosh$|x-mac-)/;

/**
 * Whether decoding a body as UTF-8 would misread it, according to the charset of its content type.
 *
 * No charset means UTF-8 (RFC 8259; the API documents none). Java servlets declare ISO-8859-1 by default, so an ASCII body is
 * accepted with any superset of ASCII. Other bytes are rejected even if they are valid UTF-8: `\xc3\xa9` is two letters in
 * ISO-8859-1.
 */
export function usesOtherCharset(contentType: string, body: Buffer): boolean {
  const label = /;\s*charset\s*=\s*["']?([^\s"';,]+)/i.exec(contentType)?.[1];
  if (label === undefined) return false;
  const encoding = encodingOf(label);
  if (encoding === 'utf-8') return false;
  return encoding === undefined || !OVER_ASCII.test(encoding) || !isAscii(body);
}

/** `undefined` for an unknown charset. */
function encodingOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}
