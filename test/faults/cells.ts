/** The cells of the matrix: what was tried, and in what words it is told. */
import { LawBroken } from './law.ts';

/** One fault at one place. */
export interface Case {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  /** Tells it from the other cases of its cell. */
  readonly at?: string;
  /** @returns what happened @throws LawBroken */
  readonly run: () => Promise<string>;
}

export interface Result extends Omit<Case, 'run'> {
  readonly text: string;
  /** Which law it breaks; `undefined` when none. */
  readonly broken: string | undefined;
}

/** Tries a case; a broken law is a result too. */
export async function tryCase({ run, ...place }: Case): Promise<Result> {
  try {
    return { ...place, text: await run(), broken: undefined };
  } catch (error) {
    if (!(error instanceof LawBroken)) throw new Error(`${place.row}, ${place.column}, ${place.at}`, { cause: error });
    return { ...place, text: `**BROKEN**: ${error.message}`, broken: error.message };
  }
}

/** The text of a cell in which several cases lie: equal ones once, numbers as the range they span. */
export function cellText(results: readonly Result[]): string {
  const shapes = new Map<string, number[][]>();
  for (const { text } of results) {
    const numbers: number[] = [];
    const shape = text.replaceAll(/\b(\d+) (pages|page|retries|retry)\b/g, (_all, digits: string, word: string) => {
      numbers.push(Number(digits));
      return `# ${word.startsWith('page') ? 'pages' : 'retries'}`;
    });
    shapes.set(shape, [...(shapes.get(shape) ?? []), numbers]);
  }
  return [...shapes].map(([shape, numbers]) => filled(shape, numbers)).join('; or ');
}

function filled(shape: string, numbers: readonly (readonly number[])[]): string {
  let nth = -1;
  return shape.replaceAll(/# (pages|retries)/g, (_all, words: string) => {
    nth++;
    const values = numbers.map((each) => each[nth] ?? 0);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const word = most === 1 ? { pages: 'page', retries: 'retry' }[words as 'pages' | 'retries'] : words;
    return least === most ? `${least} ${word}` : `${least} to ${most} ${word}`;
  });
}

/** A markdown table of the results: rows and columns in the order given, or as they came. */
export function markdownTable(results: readonly Result[], first: string, columns: readonly string[]): string {
  const rows = [...new Set(results.map(({ row }) => row))];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) => {
    const cells = columns.map((column) => {
      const inCell = results.filter((result) => result.row === row && result.column === column);
      return inCell.length === 0 ? '—' : cellText(inCell);
    });
    return line([row, ...cells]);
  });
  return [line([first, ...columns]), line(['---', ...columns.map(() => '---')]), ...body].join('\n');
}
