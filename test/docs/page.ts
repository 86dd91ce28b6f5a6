/** A page of `docs/`, taken apart: what stands in its examples is run, what it names is looked up. */
import { readFileSync } from 'node:fs';

export interface Example {
  readonly language: string;
  /** What follows the language: which kind of JSON it is. */
  readonly kind: string;
  readonly text: string;
}

export interface Page {
  readonly text: string;
  readonly examples: readonly Example[];
  /** What stands in inline code. */
  readonly codes: readonly string[];
  /** What its headings are linked by. */
  readonly anchors: readonly string[];
}

export function page(name: string): Page {
  const text = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
  const fence = /^( *)```(\S*) ?(.*)\n([\s\S]*?)^ *```$/gm;
  const examples = [...text.matchAll(fence)].map(([, , language = '', kind = '', body = '']) => {
    return { language, kind, text: body };
  });
  const prose = text.replaceAll(fence, '');
  return {
    text,
    examples,
    codes: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
    anchors: [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading)),
  };
}

/** The JSON examples of a kind, `''` being those without one. */
export function jsonExamples({ examples }: Page, kind: string): unknown[] {
  return examples
    .filter((example) => example.language === 'json' && example.kind === kind)
    .map(({ text }) => JSON.parse(text) as unknown);
}

/** The texts of a language and kind, with the line breaks of the page taken out where `wrapped`. */
export function textExamples({ examples }: Page, kind = ''): string[] {
  return examples.filter(({ language, kind: its }) => language === 'text' && its === kind).map(({ text }) => text);
}

/** A text as if the page had no width. */
export function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** The rows of the first table below a heading, cells as they stand there. */
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

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
