/** What the tables of the three formats have in common: which parts they read, and which run a part belongs to. */
import { dirname, join, resolve } from 'node:path';
import { exportDateOf } from '../../functions/export/storage/published-runs.ts';
import { type Compression, compressionOfPart } from '../../functions/model/export-format.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import { duckType, list, text } from './sql-text.ts';

/**
 * Options of DuckDB's readers. The path says nothing: a folder above may be named `export_date=2020-01-01`. DuckDB skips
 * whole files by a filter only if the column with their path has its default name.
 */
export const FILES = 'hive_partitioning = false, filename = true';
/** A line is at most as long as a page: 32 MiB, in CSV with twice as many quotes. */
export const LINES = 'max_line_size = 67108864, buffer_size = 67108864';

/** Columns of all tables, after those of the account. */
export const RUN_COLUMNS = ['export_name', 'export_date', 'run_id', 'path'] as const;

/** Absolute paths of parts that hold records. DuckDB must not search the folder, which has unpublished parts. */
export function partsOf(folder: string, manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ parts }) =>
    parts.filter(({ records }) => records > 0).map(({ key }) => resolve(join(folder, key))),
  );
}

/** Files as the argument of a reader. */
export function fileList(paths: readonly string[]): string {
  return list(paths.map(patternOf));
}

/**
 * A SELECT from JSON or CSV parts, which a reader takes only if all are compressed alike.
 * @param select makes the SELECT from two arguments of DuckDB's reader: the files, and how to decompress them. That is
 * stated, because DuckDB misreads the ending of a path that contains `?`.
 */
export function selectFromParts(
  paths: readonly string[],
  select: (files: string, compression: string) => string,
): string {
  const alike: Map<Compression, string[]> = Map.groupBy(paths, compressionOfPart);
  return Array.from(alike, ([compression, same]) => select(fileList(same), `compression = '${compression}'`)).join(
    '\nUNION ALL\n',
  );
}

/** A path as the pattern that matches only this path: DuckDB takes `*`, `?` and `[` for parts of a pattern. */
export function patternOf(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]');
}

/**
 * The run of a part as a struct, from the manifests: `export_name`, `export_date`, `run_id`, `published_at`. An expression of
 * the path alone, so DuckDB evaluates it once per file and skips the files that a filter excludes.
 */
export function runOfPart(folder: string, manifests: readonly Manifest[]): string {
  const runs = manifests.flatMap((manifest) => {
    const { exportName, runId, publishedAt, parts } = manifest;
    const fields = [
      `'export_name': ${text(exportName)}`,
      `'export_date': ${text(exportDateOf(manifest))}`,
      `'run_id': ${text(runId)}`,
      `'published_at': ${text(publishedAt.replace(/Z$/, ''))}::TIMESTAMP_MS`,
    ];
    const folders = new Set(parts.map(({ key }) => dirname(resolve(join(folder, key)))));
    return Array.from(folders, (place) => `${text(place)}: {${fields.join(', ')}}`);
  });
  return `MAP {${runs.join(', ')}}[parse_dirpath(filename)]`;
}

/** A SELECT of the columns and no row. */
export function noRows(columns: readonly { name: string; type: string }[]): string {
  const typed = columns.map(({ name, type }) => `CAST(NULL AS ${duckType(type)}) AS "${name}"`);
  return `SELECT ${[...typed, "'' AS filename"].join(', ')} WHERE false`;
}
