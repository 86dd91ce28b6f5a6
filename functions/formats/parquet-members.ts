/**
 * Splits an account into its members and keeps each value as sent. `JSON.parse` would round `9007199254740993`, drop the zero
 * of `1.10`, and change key order and escapes of nested values.
 */

import { endOfString } from './json-text.ts';

const QUOTE = 0x22;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const SCALAR = /[^,}\]]*/y;

/**
 * The members of an object in the order sent, each value as JSON text. The later value of a repeated key wins, as in
 * `JSON.parse` and in readers of JSON parts.
 * @param object a line of `decodeJson`: a valid JSON object without whitespace between tokens
 */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>();
  for (let i = 1; i < object.length - 1; ) {
    const keyEnd = endOfString(object, i);
    const valueEnd = endOfValue(object, keyEnd + 1);
    const key = textOfString(object.slice(i, keyEnd));
    members.delete(key);
    members.set(key, object.slice(keyEnd + 1, valueEnd));
    i = valueEnd + 1;
  }
  return members;
}

/** The content of a string, `null` for null, and the JSON text of any other value. */
export function textOf(json: string): string | null {
  if (json === 'null') return null;
  return json.charCodeAt(0) === QUOTE ? textOfString(json) : json;
}

function textOfString(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

/** The position after the value that starts at `start`. */
function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return endOfString(text, start);
  if (!OPEN.has(first)) {
    SCALAR.lastIndex = start;
    SCALAR.test(text);
    return SCALAR.lastIndex;
  }
  let depth = 0;
  for (let i = start; ; ) {
    const code = text.charCodeAt(i);
    if (OPEN.has(code)) depth++;
    else if (CLOSE.has(code)) depth--;
    i = code === QUOTE ? endOfString(text, i) : i + 1;
    if (depth === 0) return i;
  }
}
