/** Where SQL comes from: an argument, standard input, or lines of the prompt. */
import type { Input } from '../terminal/terminal.ts';

/** All of standard input. */
export async function readAll(input: Input): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** Text in quotes and comments, in which a semicolon ends nothing; an open one reaches to the end of the text. */
const PIECES = /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|;/g;

/** The part of a text up to its first semicolon, and the rest. @returns `undefined` without a semicolon */
export function firstStatement(text: string): { readonly statement: string; readonly rest: string } | undefined {
  for (const { 0: piece, index } of text.matchAll(PIECES)) {
    if (piece === ';') return { statement: text.slice(0, index).trim(), rest: text.slice(index + 1).trimStart() };
  }
  return undefined;
}
