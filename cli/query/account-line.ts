/** Lines of JSON parts that DuckDB does not read as Athena does: rewritten in JavaScript, with the rules of the formats. */
import { DuckDBScalarFunction, VARCHAR } from '@duckdb/node-api';
import { ACCOUNT_FIELDS, type AccountField, type FieldKind } from '../../functions/formats/account-columns.ts';
import { utf8Of } from '../../functions/formats/json-accounts.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { type Entry, rowOf } from '../../functions/formats/parquet-row.ts';
import { text } from './sql-text.ts';

/**
 * A number that DuckDB may not return digit for digit, as it does `51.0`, `0.25` and whole numbers of any length: one with an
 * exponent, a zero after other decimals, zeros before them, or more digits than a double holds.
 */
const INEXACT = `(?:-0|-?[0-9]+(?:[eE]|[.](?:[0-9]+(?:[eE]|0[,}])|0000|[0-9]{7}))|-?[0-9]{10,}[.])`;

/** Where a column of these fields has such a number. Other numbers in the line may match, too. */
function inexactIn(fields: readonly AccountField[]): string {
  const texts = namesOf(fields, 'text');
  const maps = namesOf(fields, 'textMap');
  return [
    ...(texts === '' ? [] : [`"(?:${texts})":${INEXACT}`]),
    ...(maps === '' ? [] : [`"(?:${maps})":\\{.*":${INEXACT}`]),
  ].join('|');
}

/**
 * Lines that need more. The parts that are written today have few of them: half a surrogate pair, which DuckDB refuses. Older
 * parts have keys in another case and repeated keys.
 */
function oddIn(fields: readonly AccountField[]): string {
  const names = fields.map(({ name }) => name);
  const integers = namesOf(fields, 'integer', 'epochMs');
  const doubles = namesOf(fields, 'double');
  return [
    String.raw`\\u[dD][89a-fA-F]`,
    String.raw`[{,]"[^"\\]*\\`,
    ...(integers === '' ? [] : [`"(?:${integers})":(?:[^-0-9n]|-?[0-9]+[.][0-9]*[1-9][0-9]*[,}])`]),
    ...(doubles === '' ? [] : [`"(?:${doubles})":(?:[^-0-9n]|[^,}]*[eE][+]?[0-9]{3})`]),
    ...names.map((name) => `"${name}":.*"${name}":`),
    `"(?:${names.map(otherCase).join('|')})":`,
  ].join('|');
}

/** Alternatives of a pattern. */
function namesOf(fields: readonly AccountField[], ...kinds: readonly FieldKind[]): string {
  return fields
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ name }) => name)
    .join('|');
}

/** A pattern for a name in any case but its own. */
function otherCase(name: string): string {
  const [first = '', rest] = [name[0], name.slice(1)];
  const other = first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase();
  return rest === '' ? other : `(?:${other}(?i:${rest})|${first}${otherCase(rest)})`;
}

/**
 * Quotes fractions and exponents, so that DuckDB returns `1.10` and not `1.1`. A number follows the closing quote of a key;
 * inside a string every quote is escaped.
 */
const QUOTED_NUMBERS = `system.main.regexp_replace(line, '([^\\\\]":)(-?[0-9]*[.eE][-+0-9.eE]*|-0)', '\\1"\\2"', 'g')`;

const FUNCTION = 'account_line';

/**
 * The column `line` as JSON in which DuckDB's `json_transform` reads these fields as Athena reads the part. Searching a line
 * costs more than parsing it, so fewer fields are faster.
 */
export function accountLineSql(fields: readonly AccountField[]): string {
  const [inexact, odd] = [inexactIn(fields), oddIn(fields)];
  return `CASE WHEN NOT regexp_matches(line, ${text(`${inexact}|${odd}`)}) THEN line
    WHEN regexp_matches(line, ${text(odd)}) THEN ${FUNCTION}(line)
    ELSE ${QUOTED_NUMBERS} END`;
}

/** The SQL function that `accountLineSql` calls. */
export function accountLineFunction(): DuckDBScalarFunction {
  return DuckDBScalarFunction.create({
    name: FUNCTION,
    parameterTypes: [VARCHAR],
    returnType: VARCHAR,
    mainFunction(_info, lines, output) {
      const vector = lines.getColumnVector(0);
      for (let row = 0; row < lines.rowCount; row++) output.setItem(row, accountLine(String(vector.getItem(row))));
      output.flush();
    },
  });
}

/**
 * An account with the keys and values of its columns alone, text and numbers as strings.
 * @param line a line of a part; damaged ones are returned as they are, so that DuckDB fails on them
 */
export function accountLine(line: string): string {
  let values: readonly unknown[];
  try {
    const [adapted = ''] = decodeJson(Buffer.from(`[${line}]`)).lines;
    values = rowOf(utf8Of(adapted)).values;
  } catch {
    return line;
  }
  const members = ACCOUNT_FIELDS.flatMap(({ name }, i) => {
    const value = values[i] ?? null;
    return value === null ? [] : [`"${name}":${jsonOf(value)}`];
  });
  return `{${members.join(',')}}`;
}

function jsonOf(value: unknown): string {
  if (value instanceof Date) return `${value.getTime()}`;
  if (Array.isArray(value)) {
    const entries = value as readonly Entry[];
    return `{${entries.map(({ key, value: inner }) => `${jsonOf(key)}:${inner === null ? 'null' : jsonOf(inner)}`).join(',')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value.toWellFormed()) : `${value}`;
}
