/** An entry of `docs/runbook.md`, for tests that run its commands as written. */
import { page, tableBelow } from './page.ts';

const PAGE = page('runbook');
/** A command with its arguments; a command name alone is prose, except `runs`. */
const COMMAND = /^(?:runs|(?:start|status|resume|publish) .+)$/;

/** Values for the placeholders of a command. */
type Values = Readonly<Partial<Record<'RUN' | 'EXPORT' | 'TIME' | 'N', string>>>;

export interface RunbookEntry {
  /** The rows of its table. */
  readonly rows: readonly (readonly string[])[];
  /** The command as the entry writes it, with its placeholders filled in. @throws Error when the entry lacks it */
  command(written: string, values?: Values): string[];
  /** Commands of the entry that no test has asked for yet. */
  untested(): string[];
}

/** The commands of the page's first example, which every entry may use. */
export const OPENING_COMMANDS = PAGE.examples[0]?.text
  .split('\n')
  .flatMap((line) => /account-export -- (.*?) *(?:#|$)/.exec(line)?.[1] ?? []);

export function runbookEntry(name: string): RunbookEntry {
  const heading = `\n## ${name}\n`;
  if (!PAGE.text.includes(heading)) throw new Error(`The runbook has no entry ${name}.`);
  const [text = ''] = (PAGE.text.split(heading)[1] ?? '').split('\n## ');
  const codes = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const commands = new Set(codes.filter((code) => COMMAND.test(code)));
  const untested = new Set(commands);
  return {
    rows: tableBelow(PAGE, `## ${name}`),
    command(written, values = {}) {
      if (!commands.has(written) && !OPENING_COMMANDS?.includes(written))
        throw new Error(`The entry ${name} has no command ${written}: it has ${[...commands].join(', ')}.`);
      untested.delete(written);
      return written.split(' ').map((word) => values[word as keyof Values] ?? word);
    },
    untested: () => [...untested],
  };
}
