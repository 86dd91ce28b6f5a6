/**
 * Splits objects and arrays into their values, each as sent. `JSON.parse` would round `9007199254740993`, drop the zero of
 * `1.10`, and change key order and escapes of nested values. All texts are valid JSON without whitespace between tokens.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const SCALAR = /[^,}\]]*/y;

/** A member of an object: its key as a JSON string, and its value as JSON text. */
export type Member = readonly [key: string, json: string];

/** The members of an object in the order sent, including repeated keys. */
export function* eachMember(object: string): Generator<Member> {
  for (let i = 1; i < object.length - 1; ) {
    const keyEnd = endOfString(object, i);
    const valueEnd = endOfValue(object, keyEnd + 1);
    yield [object.slice(i, keyEnd), object.slice(keyEnd + 1, valueEnd)];
    i = valueEnd + 1;
  }
}

/** The values of an array, as JSON text. */
export function* eachElement(array: string): Generator<string> {
  for (let i = 1; i < array.length - 1; ) {
    const end = endOfValue(array, i);
    yield array.slice(i, end);
    i = end + 1;
  }
}

/**
 * The members of an object in the order sent, by key, each value as JSON text. The later value of a repeated key wins, as in
 * `JSON.parse` and in the SerDe.
 */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>();
  for (const [keyJson, json] of eachMember(object)) {
    const key = textOfString(keyJson);
    members.delete(key);
    members.set(key, json);
  }
  return members;
}

export function isNested(json: string): boolean {
  return OPEN.has(json.charCodeAt(0));
}

/** The content of a string, `null` for null, and the JSON text of any other value. */
export function textOf(json: string): string | null {
  if (json === 'null') return null;
  return json.charCodeAt(0) === QUOTE ? textOfString(json) : json;
}

export function textOfString(json: string): string {
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

/** The position after the closing quote of the string that starts at `start`. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}
