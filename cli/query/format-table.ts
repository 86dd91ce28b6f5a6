/** What the tables of the three formats have in common. */
import { join, resolve } from 'node:path';
import type { Manifest } from '../../functions/model/manifest.ts';
import { duckType } from './sql-text.ts';

/** Options of DuckDB's readers. */
export const PARTITIONS = "hive_partitioning = true, hive_types_autocast = false, filename = 'path'";
/** Stated, because DuckDB misreads the ending of a path that contains `?`. */
export const GZIP = "compression = 'gzip'";
export const PARTITION_COLUMNS = 'export_name, export_date, run_id, path';

/** The parts of a format that hold records, from manifests: DuckDB must not search the folder, which has unpublished parts. */
export function partsOf(folder: string, manifests: readonly Manifest[], format: Manifest['format']): string[] {
  return manifests
    .filter((manifest) => manifest.format === format)
    .flatMap(({ parts }) => parts.filter(({ records }) => records > 0))
    .map(({ key }) => resolve(join(folder, key)));
}

/** The table of a format without parts: empty, as in Athena. */
export function emptyTable(name: string, columns: readonly { name: string; type: string }[]): string {
  const typed = columns.map((column) => `CAST(NULL AS ${duckType(column.type)}) AS "${column.name}"`);
  const partitions = PARTITION_COLUMNS.split(', ').map((column) => `'' AS ${column}`);
  return `CREATE VIEW ${name} AS SELECT ${[...typed, ...partitions].join(', ')} WHERE false`;
}
