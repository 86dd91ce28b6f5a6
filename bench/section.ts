/** What a benchmark returns. `bench/main.ts` runs the benchmarks and writes their sections. */

/** Repeated measurements of one figure. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface BenchTable {
  readonly head: readonly string[];
  /** One letter per column; `r` aligns it to the right. */
  readonly align: string;
  readonly rows: readonly (readonly string[])[];
}

/** A section of `docs/benchmarks.md`. */
export interface BenchSection {
  readonly title: string;
  /** What is measured, and how: a paragraph of Markdown. */
  readonly about: string;
  readonly tables: readonly BenchTable[];
  /** Conclusions: sentences of Markdown. */
  readonly findings: readonly string[];
  /** The same figures for `docs/benchmarks.json`. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** `quick` measures less and produces the same tables. */
export type Benchmark = (options: { readonly quick: boolean }) => Promise<BenchSection>;
