/** What a benchmark is and what it finds: `bench/main.ts` runs them one after the other and writes both down. */

/** A figure as it is measured more than once: quoted by its median, and doubted by its spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface BenchTable {
  readonly head: readonly string[];
  /** One letter a column, `r` for a column of numbers. */
  readonly align: string;
  readonly rows: readonly (readonly string[])[];
}

/** One section of `docs/benchmarks.md`. */
export interface BenchSection {
  readonly title: string;
  /** What was measured, and how: a paragraph of Markdown. */
  readonly about: string;
  readonly tables: readonly BenchTable[];
  /** What follows from the figures; limits that are kept or passed, with the figure. Sentences of Markdown. */
  readonly findings: readonly string[];
  /** The same figures for machines, with units in their names. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** A benchmark; `quick` is for a look while something is being changed: fewer rounds, the same tables. */
export type Benchmark = (options: { readonly quick: boolean }) => Promise<BenchSection>;
