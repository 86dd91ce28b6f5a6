/** An entry of `docs/runbook.md` for whoever tries it: its commands are run as they stand there, and none is left out. */
import { page, tableBelow } from './page.ts';

const PAGE = page('runbook');
/** A command with what it is about; the word alone is prose, but for `runs`. */
const COMMAND = /^(?:runs|(?:start|status|redrive|publish) .+)$/;

/** What stands in a command for what somebody fills in. */
type Values = Readonly<Partial<Record<'RUN' | 'EXPORT' | 'TIME' | 'N', string>>>;

export interface RunbookEntry {
  /** The rows of its table. */
  readonly rows: readonly (readonly string[])[];
  /** The command as the entry has it, filled in, for the command line. @throws Error for one that it does not have */
  command(written: string, values?: Values): string[];
  /** Commands of the entry that nobody has asked for yet. */
  untried(): string[];
}

/** The lines of the page's first example, which every entry uses: `runs`, `status RUN`. */
export const OPENING_COMMANDS = PAGE.examples[0]?.text
  .split('\n')
  .flatMap((line) => /account-export -- (.*?) *(?:#|$)/.exec(line)?.[1] ?? []);

export function runbookEntry(name: string): RunbookEntry {
  const heading = `\n## ${name}\n`;
  if (!PAGE.text.includes(heading)) throw new Error(`The runbook has no entry ${name}.`);
  const [text = ''] = (PAGE.text.split(heading)[1] ?? '').split('\n## ');
  const codes = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const commands = new Set(codes.filter((code) => COMMAND.test(code)));
  const untried = new Set(commands);
  return {
    rows: tableBelow(PAGE, `## ${name}`),
    command(written, values = {}) {
      if (!commands.has(written) && !OPENING_COMMANDS?.includes(written))
        throw new Error(`The entry ${name} has no command ${written}: it has ${[...commands].join(', ')}.`);
      untried.delete(written);
      return written.split(' ').map((word) => values[word as keyof Values] ?? word);
    },
    untried: () => [...untried],
  };
}
