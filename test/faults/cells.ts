/** The cells of the matrix: the cases, their results, and the text of a cell. */
import { GuaranteeBroken } from './guarantees.ts';

/** One fault at one place. */
export interface Case {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  /** Distinguishes the cases of one cell. */
  readonly at?: string;
  /** @returns what happened @throws GuaranteeBroken */
  readonly run: () => Promise<string>;
}

/** The column of tables that have only one. */
export const ONLY_COLUMN = 'what happened';

export interface Result extends Omit<Case, 'run'> {
  readonly text: string;
  /** The guarantee that was broken. */
  readonly broken: string | undefined;
}

/** Runs a case. A broken guarantee is a result, not an exception. */
export async function runCase({ run, ...place }: Case): Promise<Result> {
  try {
    return { ...place, text: await run(), broken: undefined };
  } catch (error) {
    if (!(error instanceof GuaranteeBroken))
      throw new Error(`${place.table}: ${place.row}, ${place.column}, ${place.at}`, { cause: error });
    return { ...place, text: `**BROKEN**: ${error.message}`, broken: error.message };
  }
}

const PLURALS = { page: 'pages', retry: 'retries' } as const;

/** `1 page`, `2 pages` */
export function counted(count: number | string, word: keyof typeof PLURALS): string {
  return `${count} ${count === 1 ? word : PLURALS[word]}`;
}

/** The text of a cell: equal results once, and different numbers as a range. */
export function cellText(results: readonly Result[]): string {
  const shapes = new Map<string, number[][]>();
  for (const { text } of results) {
    const numbers: number[] = [];
    const shape = text.replaceAll(/\b(\d+) (page|retr)(?:s|y|ies)?\b/g, (_all, digits: string, word: string) => {
      numbers.push(Number(digits));
      return `# ${word}`;
    });
    shapes.set(shape, [...(shapes.get(shape) ?? []), numbers]);
  }
  return [...shapes].map(([shape, numbers]) => fill(shape, numbers)).join('; or ');
}

function fill(shape: string, numbers: readonly (readonly number[])[]): string {
  let nth = 0;
  return shape.replaceAll(/# (page|retr)/g, (_all, word: string) => {
    const values = numbers.map((each) => each[nth] ?? 0);
    nth++;
    const [min, max] = [Math.min(...values), Math.max(...values)];
    return counted(min === max ? min : `${min} to ${max}`, word === 'page' ? 'page' : 'retry');
  });
}
