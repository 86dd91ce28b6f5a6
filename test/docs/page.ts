/** Parses a page of `docs/`, so that tests can run its examples and look up what it names. */
import { readFileSync } from 'node:fs';

export interface Example {
  readonly language: string;
  /** The word after the language, which says what the example is. */
  readonly kind: string;
  readonly text: string;
}

export interface Page {
  readonly text: string;
  readonly examples: readonly Example[];
  /** Inline code. */
  readonly codes: readonly string[];
}

const FENCE = /^( *)```(\S*) ?(.*)\n([\s\S]*?)^ *```$/gm;

export function page(name: string): Page {
  const text = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
  const examples = [...text.matchAll(FENCE)].map(([, , language = '', kind = '', body = '']) => {
    return { language, kind, text: body };
  });
  const prose = text.replaceAll(FENCE, '');
  return {
    text,
    examples,
    codes: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
  };
}

/** The JSON examples of a kind; `''` selects those without one. */
export function jsonExamples({ examples }: Page, kind: string): unknown[] {
  return examples
    .filter((example) => example.language === 'json' && example.kind === kind)
    .map(({ text }) => JSON.parse(text) as unknown);
}

/** The examples of plain text of a kind. */
export function textExamples({ examples }: Page, kind = ''): string[] {
  return examples.filter(({ language, kind: its }) => language === 'text' && its === kind).map(({ text }) => text);
}

/** A text without the line breaks of the page. */
export function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** The cells of the first table below a heading, row by row, without its head. */
export function tableBelow({ text }: Page, heading: string): string[][] {
  const [, below = ''] = text.split(`\n${heading}\n`);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(below) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** The anchors of the headings of a page, as GitHub makes them. */
export function anchorsOf(text: string): string[] {
  return [...text.replaceAll(FENCE, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
