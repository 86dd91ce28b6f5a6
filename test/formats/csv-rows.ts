import type { CsvPage } from '../../functions/formats/csv.ts';

/** The cells of each account, in the order of the page's columns. */
export function rowsOf({ cells, records }: CsvPage): string[][] {
  return Array.from({ length: records }, (_, i) => cells.row(i + 1));
}
