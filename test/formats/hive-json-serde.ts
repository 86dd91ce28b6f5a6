/**
 * Reads a line of JSON as Athena does with the Hive JSON SerDe (`org.apache.hive.hcatalog.data.JsonSerDe`). Its rules are in
 * `JSON_FACTS`. Source: Trino's `io.trino.hive.formats.line.json.JsonDeserializer`, "bug for bug compatible with Hive
 * JsonSerDe", and Jackson's `getLongValue`.
 */
export type HiveType = 'string' | 'double' | 'bigint' | 'boolean' | 'map<string,string>';
export type HiveValue = string | number | bigint | boolean | ReadonlyMap<string, string | null> | null;

/**
 * @param columns the columns of the table in order, lowercase
 * @throws Error if a query would fail on the line
 */
export function readHiveJson(line: string, columns: Readonly<Record<string, HiveType>>): Record<string, HiveValue> {
  const names = Object.keys(columns);
  const row: Record<string, HiveValue> = Object.fromEntries(names.map((name) => [name, null]));
  for (const [key, value] of new JsonCursor(line).members()) {
    const name = names.includes(key.toLowerCase()) ? key.toLowerCase() : nameByOrdinal(key, names);
    const type = name === undefined ? undefined : columns[name];
    if (name !== undefined && type !== undefined) row[name] = hiveValue(value, type);
  }
  return row;
}

function nameByOrdinal(key: string, names: readonly string[]): string | undefined {
  const ordinal = /^_col(\d+)$/.exec(key)?.[1];
  if (ordinal === undefined) return undefined;
  const name = names[Number(ordinal)];
  if (name === undefined) throw new Error(`no column ${ordinal}`);
  return name;
}

/** A JSON value as sent, with the members of an object in order, including repeated keys. */
interface Sent {
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'literal';
  readonly source: string;
  readonly members: readonly (readonly [string, Sent])[];
}

function hiveValue(value: Sent, type: HiveType): HiveValue {
  if (value.source === 'null') return null;
  if (type === 'map<string,string>') {
    if (value.kind !== 'object') throw new Error('start of object expected');
    const map = new Map<string, string | null>();
    for (const [key, inner] of value.members) {
      map.delete(key);
      map.set(key, hiveValue(inner, 'string') as string | null);
    }
    return map;
  }
  if (value.kind === 'object' || value.kind === 'array') throw new Error(`${type} value must be a scalar json value`);
  if (type === 'string') return textOf(value);
  if (type === 'boolean') return textOf(value).toLowerCase() === 'true';
  if (value.kind !== 'number') throw new Error('current token not numeric');
  if (type === 'double') return Number(value.source);
  const whole = /^-?\d+$/.test(value.source) ? BigInt(value.source) : BigInt(truncated(value.source));
  if (BigInt.asIntN(64, whole) !== whole) throw new Error('numeric value out of range of long');
  return whole;
}

function truncated(source: string): number {
  const number = Math.trunc(Number(source));
  if (!Number.isFinite(number)) throw new Error('numeric value out of range of long');
  return number;
}

/** An unpaired surrogate becomes a question mark. */
function textOf({ kind, source }: Sent): string {
  return kind === 'string' ? (JSON.parse(source) as string).replaceAll(/\p{Cs}/gu, '?') : source;
}

class JsonCursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The members of the object at the start of the text. */
  members(): readonly (readonly [string, Sent])[] {
    const { kind, members } = this.#value();
    if (kind !== 'object') throw new Error('start of object expected');
    return members;
  }

  #value(): Sent {
    this.#take(BLANKS);
    const start = this.#at;
    const members: [string, Sent][] = [];
    const sent = (kind: Sent['kind']): Sent => ({ kind, source: this.#text.slice(start, this.#at), members });
    switch (this.#text[start]) {
      case '"':
        this.#string();
        return sent('string');
      case '{':
        this.#list('}', () => {
          this.#take(BLANKS);
          const key = this.#string();
          this.#take(/[ \t\r\n]*:/y);
          members.push([key, this.#value()]);
        });
        return sent('object');
      case '[':
        this.#list(']', () => this.#value());
        return sent('array');
      default:
        return sent(/[tfn]/.test(this.#take(SCALAR)) ? 'literal' : 'number');
    }
  }

  #string(): string {
    return JSON.parse(this.#take(STRING)) as string;
  }

  #list(close: '}' | ']', element: () => void): void {
    this.#at++;
    this.#take(BLANKS);
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    do element();
    while (this.#take(close === '}' ? /[ \t\r\n]*[,}]/y : /[ \t\r\n]*[,\]]/y).endsWith(','));
  }

  #take(token: RegExp): string {
    token.lastIndex = this.#at;
    const taken = token.exec(this.#text)?.[0];
    if (taken === undefined) throw new Error(`malformed JSON at character ${this.#at}`);
    this.#at += taken.length;
    return taken;
  }
}

const BLANKS = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[ \t\r\n,\]}]|$)/y;
