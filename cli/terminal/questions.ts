/** Questions on a terminal, one line each. */
import { createInterface } from 'node:readline';
import type { Input, Stream } from './terminal.ts';

export interface Question<T> {
  readonly text: string;
  /** The answer of an empty line, shown in brackets. @default an answer is required */
  readonly suggestion?: string;
  /** @throws Error whose message says what is allowed */
  parse(answer: string): T;
}

/** The input ended, or Ctrl-C was pressed. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

export interface Questions {
  /** Asks until the answer is valid. @throws NoAnswerError */
  ask<T>(question: Question<T>): Promise<T>;
  close(): void;
}

export function openQuestions(stdin: Input, stdout: Stream): Questions {
  const readline = createInterface({
    input: stdin,
    output: stdout as NodeJS.WritableStream,
    terminal: true,
    prompt: '> ',
    historySize: 0,
  });
  // Lines that are typed or pasted before the next question are kept.
  const lines = readline[Symbol.asyncIterator]();
  let closed = false;
  readline.on('close', () => {
    closed = true;
  });
  return {
    async ask({ text, suggestion, parse }) {
      stdout.write(`${text}${suggestion === undefined ? '' : ` [${suggestion}]`}\n`);
      for (;;) {
        if (!closed) readline.prompt();
        const { value, done } = await lines.next();
        if (done) {
          // The cursor is after the prompt.
          stdout.write('\n');
          throw new NoAnswerError();
        }
        try {
          return parse((value as string).trim() || (suggestion ?? ''));
        } catch (error) {
          stdout.write(`${(error as Error).message}\n`);
        }
      }
    },
    close: () => readline.close(),
  };
}
