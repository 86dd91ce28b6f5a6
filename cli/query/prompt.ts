/** The interactive prompt of `query`. */
import { createInterface } from 'node:readline';
import type { Input, Stream } from '../terminal/terminal.ts';
import { firstStatement } from './statements.ts';

export interface Prompt {
  readonly stdin: Input;
  readonly stdout: Stream;
  /** Runs a statement; it prints its own errors. */
  run(sql: string, signal: AbortSignal): Promise<void>;
  /** The statement that lists the columns of a table or view. */
  describe(table: string): string;
  /** Switches between tables and records. @returns what is printed */
  toggleVertical(): string;
}

const HELP = `Enter SQL, and end it with a semicolon. Ctrl-C cancels it.
\\d        list the tables and views
\\d NAME   list the columns of a table or view
\\x        switch between tables and one record below the other
\\q        quit (also exit, quit, or Ctrl-D)
`;
const FIRST = 'accounts> ';
const NEXT = '      ... ';
const DESCRIBE = /^\\d\s+([\w."]+)$/;

/** Reads and runs statements until the input ends or the user quits. An error ends only its statement. */
export async function prompt({ stdin, stdout, run, ...prompted }: Prompt): Promise<void> {
  const readline = createInterface({
    input: stdin,
    output: stdout as NodeJS.WritableStream,
    terminal: true,
    prompt: FIRST,
    historySize: 1000,
  });
  let history: string[] = [];
  let running: AbortController | undefined;
  // What was typed since the last complete statement, and in how many lines.
  let [text, lines] = ['', 0];
  // Ctrl-D can end the input while a statement runs.
  let closed = false;
  const ready = () => {
    if (closed) return;
    readline.setPrompt(text === '' ? FIRST : NEXT);
    readline.prompt();
  };
  const execute = async (sql: string) => {
    running = new AbortController();
    await run(sql, running.signal);
    running = undefined;
  };
  readline.on('history', (all) => {
    history = all;
  });
  readline.on('SIGINT', () => {
    if (running !== undefined) return running.abort();
    // Empties the line and moves to the next, as shells do.
    readline.write(null, { ctrl: true, name: 'e' });
    readline.write(null, { ctrl: true, name: 'u' });
    [text, lines] = ['', 0];
    stdout.write('\n');
    ready();
  });
  readline.on('close', () => {
    closed = true;
  });

  stdout.write('Enter SQL that ends with a semicolon, \\? for help, or \\q to quit.\n');
  ready();
  for await (const line of readline) {
    const word = line.trim();
    if (text === '') {
      if (/^(\\q|exit|quit);?$/i.test(word)) break;
      const command = word === '\\x' ? prompted.toggleVertical() : word === '\\?' || word === 'help' ? HELP : undefined;
      const [, table] = DESCRIBE.exec(word) ?? [];
      const shown = word === '\\d' ? 'SHOW TABLES' : table && prompted.describe(table);
      if (command !== undefined) stdout.write(command);
      else if (shown !== undefined) await execute(shown);
      else if (word.startsWith('\\')) stdout.write(`Unknown command ${word}: \\? lists the commands.\n`);
      if (word === '' || word.startsWith('\\') || command !== undefined) {
        ready();
        continue;
      }
    }
    text += text === '' ? line : `\n${line}`;
    lines++;
    for (let next = firstStatement(text); next !== undefined; next = firstStatement(text)) {
      text = next.rest;
      if (text === '') {
        // The arrow up brings back the whole statement.
        if (lines > 1 && !next.statement.includes('--')) {
          history.splice(0, lines, `${next.statement.replaceAll(/\s*\n\s*/g, ' ')};`);
        }
        lines = 0;
      }
      if (next.statement !== '') await execute(next.statement);
    }
    ready();
  }
  readline.close();
}
