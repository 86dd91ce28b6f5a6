/** Cells that break the law today, and why: they are marked in the table, and the matrix fails on any other. */
import type { Result } from './cells.ts';

interface KnownDefect {
  readonly id: string;
  readonly is: (result: Result) => boolean;
}

/** An entry goes when its defect does: then `npm run faults` says that it was not seen. */
export const KNOWN_DEFECTS: readonly KnownDefect[] = [];

export function knownDefect(result: Result): KnownDefect | undefined {
  return result.broken === undefined ? undefined : KNOWN_DEFECTS.find(({ is }) => is(result));
}
