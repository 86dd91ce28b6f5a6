import type * as z from 'zod';
import { toDotPath } from 'zod/v4/core';
import { ExportError, type ExportErrorName } from './errors.ts';
import { SEGMENT_KEYS } from './export-settings.ts';

/**
 * Parses `input` and reports every problem at once: `Invalid request: pageSize must be an integer from 1 to 50000 (got 0)`.
 * Write the messages of the schema's rules as `must be …`.
 *
 * @param what the input's name, such as `request`
 * @throws ExportError of the given name
 */
export function parseOrThrow<T>(
  schema: z.ZodType<T>,
  input: unknown,
  what: string,
  errorName: ExportErrorName = 'RequestError',
): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ExportError(errorName, `Invalid ${what}: ${problemsOf(parsed.error.issues, input)}.`);
}

/** Longer lists of problems do not help anyone and would fill the execution's history. */
const MAX_PROBLEMS_CHARACTERS = 1200;

/** The problems of `input`, as one text. @param rename replaces keys in it by the names that the user knows */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  rename: (text: string) => string = (text) => text,
): string {
  const problems = [...new Set(issues.flatMap((issue) => describeIssue(issue, input, rename)))];
  let characters = 0;
  const shown = problems.filter((problem, i) => {
    characters += problem.length;
    return i === 0 || characters <= MAX_PROBLEMS_CHARACTERS;
  });
  const more = problems.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown, rename: (text: string) => string): string | string[] {
  const path = rename(toDotPath(issue.path));
  // A rule about several keys names the others.
  const message = issue.code === 'custom' ? rename(issue.message) : issue.message;
  if (issue.code === 'unrecognized_keys') {
    const where = path === '' ? '' : ` in ${path}`;
    return issue.keys.map((key) => `unknown key ${shorten(key)}${where}`);
  }
  if (path === '') return issue.code === 'invalid_type' ? 'it must be a JSON object' : message;
  let value: unknown = input;
  for (const step of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  // A rule about the key itself shows the key.
  if (issue.code === 'custom' && issue.params && 'got' in issue.params) value = issue.params.got;
  if (value === undefined) return `${path} ${message} (missing)`;
  const personal = mayIdentifyPerson(issue.path.findLast((step) => typeof step === 'string'));
  return `${path} ${message} (${personal ? 'value not shown' : `got ${shorten(value)}`})`;
}

/** Errors are logged, emailed and stored. The name of a segment may identify a person, so its value is not shown in them. */
export function mayIdentifyPerson(key: unknown): boolean {
  return (SEGMENT_KEYS as readonly unknown[]).includes(key);
}

/** Shortened before it is serialized: a text may be megabytes long, and a list nested deeper than the stack. */
function shorten(value: unknown): string {
  if (typeof value === 'number') return String(value);
  try {
    const json = JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value) ?? String(value);
    return json.length > 60 ? `${json.slice(0, 57)}…` : json;
  } catch {
    return 'a value nested too deeply to show';
  }
}
