/** Lines of JSON parts that DuckDB does not read as Athena does: rewritten in JavaScript, with the rules of the formats. */
import { DuckDBScalarFunction, VARCHAR } from '@duckdb/node-api';
import { ACCOUNT_FIELDS, type FieldKind } from '../../functions/formats/account-columns.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { rowOf } from '../../functions/formats/parquet-row.ts';
import { text } from './sql-text.ts';

const NAMES = ACCOUNT_FIELDS.map(({ name }) => name);
const namesOf = (...kinds: readonly FieldKind[]) =>
  ACCOUNT_FIELDS.filter(({ kind }) => kinds.includes(kind))
    .map(({ name }) => name)
    .join('|');

/** A number that DuckDB does not return digit for digit. */
const INEXACT = '(?:-0|-?[0-9]+[.eE]|-?[0-9]{19})';
/** Where a column of text or a map has such a number. Other numbers in the line may match, too. */
const DIGITS = [`"(?:${namesOf('text')})":${INEXACT}`, `"(?:${namesOf('textMap')})":\\{.*":${INEXACT}`];

/**
 * Lines that need more. The parts that are written today have few of them: half a surrogate pair, which DuckDB refuses. Older
 * parts have keys in another case and repeated keys.
 */
const ODD = [
  String.raw`\\u[dD][89a-fA-F]`,
  String.raw`[{,]"[^"\\]*\\`,
  `"(?:${namesOf('integer', 'epochMs')})":(?:[^-0-9n]|-?[0-9]+[.][0-9]*[1-9][0-9]*[,}])`,
  `"(?:${namesOf('double')})":(?:[^-0-9n]|[^,}]*[eE][+]?[0-9]{3})`,
  ...[...NAMES, 'superseded'].map((name) => `"${name}":.*"${name}":`),
  `"(?:${NAMES.map(otherCase).join('|')})":`,
];

/** A pattern for a name in any case but its own. */
function otherCase(name: string): string {
  const [first = '', rest] = [name[0], name.slice(1)];
  const other = first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase();
  return rest === '' ? other : `(?:${other}(?i:${rest})|${first}${otherCase(rest)})`;
}

/**
 * Quotes the numbers of an account, so that DuckDB returns `1.10` and not `1.1`. A number follows the closing quote of a key;
 * inside a string every quote is escaped.
 */
const QUOTED_NUMBERS = `system.main.regexp_replace(line, '([^\\\\])":(-?[0-9][-+0-9.eE]*)([,}])', '\\1":"\\2"\\3', 'g')`;

const FUNCTION = 'account_line';

/** The column `line` as JSON that DuckDB's `json_transform` reads as Athena reads the part. Two of three patterns are rare. */
export const ACCOUNT_LINE = `CASE
  WHEN NOT regexp_matches(line, ${text([...DIGITS, ...ODD].join('|'))}) THEN line
  WHEN regexp_matches(line, ${text(ODD.join('|'))}) THEN ${FUNCTION}(line)
  ELSE ${QUOTED_NUMBERS} END`;

/** The SQL function that `ACCOUNT_LINE` calls. */
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

const SUPERSEDED = '"superseded":true}';

/**
 * An account with the keys and values of its columns alone, text and numbers as strings.
 * @param line a line of a part; damaged ones are returned as they are, so that DuckDB fails on them
 */
export function accountLine(line: string): string {
  let values: ReadonlyMap<string, unknown>;
  try {
    const [adapted = ''] = decodeJson(Buffer.from(`[${line}]`)).lines;
    values = rowOf(adapted).values;
  } catch {
    return line;
  }
  const members = NAMES.flatMap((name) => {
    const value = values.get(name.toLowerCase()) ?? null;
    return value === null ? [] : [`"${name}":${jsonOf(value)}`];
  });
  if (line.endsWith(SUPERSEDED)) members.push('"superseded":true');
  return `{${members.join(',')}}`;
}

function jsonOf(value: unknown): string {
  if (value instanceof Date) return `${value.getTime()}`;
  if (value instanceof Map) {
    return `{${Array.from(value, ([key, inner]) => `${jsonOf(key)}:${inner === null ? 'null' : jsonOf(inner)}`).join(',')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value.toWellFormed()) : `${value}`;
}
