/** What the checks of `doctor` found, and how it is printed. */
import { counted } from './format.ts';

/** What `--json` prints of a check. Every key is always present. */
export interface Finding {
  readonly name: string;
  /** `warn`: exports run, but something deserves a look, or could not be checked. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do, as a sentence. */
  readonly remedy: string | null;
  /** To copy, on one line. */
  readonly command: string | null;
}

/** A finding of a check that adds the name. */
export type Result = Omit<Finding, 'name'>;

export function ok(detail: string): Result {
  return { status: 'ok', detail, remedy: null, command: null };
}

export function warn(detail: string, remedy: string, command: string | null = null): Result {
  return { status: 'warn', detail, remedy, command };
}

export function fail(detail: string, remedy: string, command: string | null = null): Result {
  return { ...warn(detail, remedy, command), status: 'fail' };
}

/** Splits an error message: `<problem>: <remedy>.` */
export function failureOf(message: string, status: 'warn' | 'fail'): Result {
  const [, problem = message, remedy = null] = /^(.*?): (.*)$/s.exec(message) ?? [];
  return { status, detail: problem, remedy, command: null };
}

/** Starts the remedies below a check. */
const REMEDY = ' '.repeat(6);
/** `fail  notifications  ` */
const STATUS_WIDTH = 6;
const NAME_WIDTH = 15;

/** The lines of all findings, and a summary. Remedies and commands are below their finding. */
export function report(findings: readonly Finding[], columns: number): string[] {
  const lines = findings.flatMap(({ name, status, detail, remedy, command }) => [
    ...wrapped(`${status.padEnd(STATUS_WIDTH)}${name.padEnd(NAME_WIDTH)}`, detail.split(' '), columns),
    ...(remedy === null ? [] : wrapped(REMEDY, remedy.split(' '), columns)),
    ...(command === null ? [] : wrappedCommand(command, columns)),
  ]);
  const number = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length;
  return [
    ...lines,
    '',
    `${counted(number('fail'), 'failure')}, ${counted(number('warn'), 'warning')}, ${number('ok')} ok`,
  ];
}

/** Breaks lines between words. @param head starts the first line; the other lines are indented as far */
function wrapped(head: string, words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && head.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((text, i) => (i === 0 ? head : ' '.repeat(head.length)) + text);
}

/** Breaks a command so that a shell still reads it as one. */
function wrappedCommand(command: string, columns: number): string[] {
  // Not within quotes, nor between an option and its value.
  const words = command.match(/(?:--[\w-]* )?(?:\\.|'[^']*'|[^\s'])+/g) ?? [];
  const lines = wrapped(`${REMEDY}  `, words, columns - 2);
  return lines.map((line, i) => (i < lines.length - 1 ? `${line} \\` : line));
}
