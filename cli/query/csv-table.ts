import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { csvColumns, tableName } from '../../functions/catalog/tables.ts';
import { csvTableColumns, SUPERSEDED_COLUMN } from '../../functions/formats/csv.ts';
import { ExportError } from '../../functions/model/errors.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import { emptyTable, GZIP, PARTITION_COLUMNS, PARTITIONS, partsOf } from './format-table.ts';
import { list, text } from './sql-text.ts';

export interface CsvTable {
  readonly sql: string;
  /** The attribute columns, with the key of each in `attributes`. */
  readonly attributes: readonly { readonly key: string; readonly column: string }[];
}

/**
 * The CSV parts of published runs as one table. Its attribute columns come from the headers of the parts: those of the
 * newest run first, then those of older runs.
 */
export async function csvTable(folder: string, manifests: readonly Manifest[]): Promise<CsvTable> {
  const newestFirst = manifests
    .filter(({ format }) => format === 'csv')
    .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
  const runs = await Promise.all(
    newestFirst.map(async (manifest) => {
      const files = partsOf(folder, [manifest], 'csv');
      return { files, header: files[0] === undefined ? [] : await headerOf(files[0]) };
    }),
  );
  const filled = runs.filter(({ files }) => files.length > 0);
  const fields = csvTableColumns([]);
  const attributeKeys = [...new Set(filled.flatMap(({ header }) => header))].filter(
    (column) => !fields.includes(column),
  );
  const header = csvTableColumns(attributeKeys);
  const columns = csvColumns(header);
  const attributes = header
    .map((key, i) => ({ key, column: columns[i]?.name ?? '' }))
    .filter(({ key }) => attributeKeys.includes(key) && key !== SUPERSEDED_COLUMN);
  if (filled.length === 0) return { sql: emptyTable(tableName('csv'), columns), attributes };
  const branches = filled.map(({ files, header: own }) => {
    const values = header.map((key, i) => {
      const at = own.indexOf(key);
      const sql = at < 0 ? 'NULL' : unescaped(`c${at}`);
      return `${sql} AS "${columns[i]?.name}"`;
    });
    const types = own.map((_column, i) => `'c${i}': 'VARCHAR'`).join(', ');
    return `SELECT ${values.join(', ')}, ${PARTITION_COLUMNS}
      FROM read_csv(${list(files)}, columns = {${types}}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
        nullstr = ${text(NEVER)}, allow_quoted_nulls = false, max_line_size = 67108864,
        ${GZIP}, ${PARTITIONS})`;
  });
  return { sql: `CREATE VIEW ${tableName('csv')} AS ${branches.join('\nUNION ALL\n')}`, attributes };
}

/** A value that no cell has: an empty cell is an empty string, as in the OpenCSVSerDe. */
const NEVER = '\u0001';

/** The SerDe reads two backslashes as one, DuckDB as two. */
function unescaped(column: string): string {
  return `replace(${column}, '\\\\', '\\')`;
}

/** The columns of a part, from its first line. @throws ExportError `ConfigError` if the part cannot be read */
async function headerOf(path: string): Promise<readonly string[]> {
  const file = await open(path).catch(unreadable(path));
  try {
    let text = '';
    for await (const chunk of file.createReadStream().pipe(createGunzip())) {
      text += chunk;
      if (text.includes('\n')) break;
    }
    const [header = []] = parse(text.slice(0, text.indexOf('\n') + 1).replaceAll('\\\\', '\\')) as string[][];
    return header;
  } catch (error) {
    return unreadable(path)(error as Error);
  } finally {
    await file.close().catch(() => undefined);
  }
}

function unreadable(path: string): (error: NodeJS.ErrnoException) => never {
  return ({ code = 'damaged' }) => {
    throw new ExportError('ConfigError', `Cannot read ${path} (${code}): restore it, or export again.`);
  };
}
