/** CSV parts as DuckDB reads them: each by its own header. */
import { open } from 'node:fs/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import pLimit from 'p-limit';
import { csvColumns } from '../../functions/catalog/tables.ts';
import { csvHeaderOf, csvTableColumns } from '../../functions/formats/csv.ts';
import { compressionOfPart } from '../../functions/model/export-format.ts';
import { FILES, LINES, selectFromParts } from './format-table.ts';
import { PartError } from './part-error.ts';

/** Parts with the same columns. */
export interface CsvLayout {
  readonly header: readonly string[];
  readonly paths: readonly string[];
}

const PARALLEL_HEADERS = 16;

/** Groups parts by their headers, in the order of the first part of each. @throws PartError for a part that cannot be read */
export async function csvLayouts(paths: readonly string[]): Promise<CsvLayout[]> {
  const limit = pLimit(PARALLEL_HEADERS);
  const parts = await Promise.all(paths.map((path) => limit(async () => ({ path, header: await headerOf(path) }))));
  const groups = Map.groupBy(parts, ({ header }) => JSON.stringify(header));
  return Array.from(groups.values(), (group) => ({
    header: group[0]?.header ?? [],
    paths: group.map(({ path }) => path),
  }));
}

/** The columns of the table `accounts_csv`: those of the account, then the attributes of all layouts, the first ones first. */
export function csvHeader(layouts: readonly CsvLayout[]): string[] {
  return csvTableColumns(attributesOf(layouts));
}

/** The columns that are attributes, in the order of the first layout that has them. */
export function attributesOf(layouts: readonly CsvLayout[]): string[] {
  const fields = csvTableColumns([]);
  return [...new Set(layouts.flatMap(({ header }) => header))].filter((column) => !fields.includes(column));
}

/** A SELECT of the columns of `header`, named as in Glue, and of `filename`. A column that a part lacks is NULL. */
export function csvRows(layouts: readonly CsvLayout[], header: readonly string[]): string {
  const columns = csvColumns(header);
  return layouts
    .map(({ header: own, paths }) => {
      const values = header.map((key, i) => {
        const at = own.indexOf(key);
        return `${at < 0 ? 'CAST(NULL AS VARCHAR)' : unescaped(`c${at}`)} AS "${columns[i]?.name}"`;
      });
      const types = own.map((_column, i) => `'c${i}': 'VARCHAR'`).join(', ');
      return selectFromParts(
        paths,
        (files, compression) => `SELECT ${values.join(', ')}, filename
      FROM read_csv(${files}, columns = {${types}}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
        nullstr = '${NEVER}', allow_quoted_nulls = false, ${LINES}, ${compression}, ${FILES})`,
      );
    })
    .join('\nUNION ALL\n');
}

/** A value that no cell has: an empty cell is an empty string, as in the OpenCSVSerDe. */
const NEVER = '\u0001';

/** The SerDe reads two backslashes as one, DuckDB as two. */
function unescaped(column: string): string {
  return `replace(${column}, '\\\\', '\\')`;
}

/** The columns of a part, from its first line. @throws PartError */
async function headerOf(path: string): Promise<readonly string[]> {
  try {
    const file = await open(path);
    try {
      let text = Buffer.alloc(0);
      const unpack = compressionOfPart(path) === 'zstd' ? createZstdDecompress() : createGunzip();
      for await (const chunk of file.createReadStream({ autoClose: false }).pipe(unpack)) {
        text = Buffer.concat([text, chunk]);
        if (text.includes('\n')) break;
      }
      const header = csvHeaderOf(text);
      if (header.length === 0) throw new Error('no header');
      return header;
    } finally {
      await file.close();
    }
  } catch {
    throw new PartError(path);
  }
}
