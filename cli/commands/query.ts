import Table from 'cli-table3';
import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { printable } from '../../functions/model/printable.ts';
import type { QueryResult } from '../query/query-folder.ts';
import { counted } from '../terminal/format.ts';
import type { Terminal } from '../terminal/terminal.ts';

interface QueryFlags {
  out: string;
  json?: boolean;
  csv?: boolean;
}

export function queryCommand(terminal: Terminal): Command {
  return new Command('query')
    .description('query exported data with SQL: the tables and views of Athena')
    .argument('<sql>', 'one SELECT')
    .option('--out <folder>', 'folder that run wrote to', './out')
    .option('--json', 'print the rows as JSON')
    .option('--csv', 'print the rows as CSV')
    .addHelpText(
      'after',
      `
Views: accounts_latest, accounts_history
Tables: export_runs, accounts_json, accounts_csv, accounts_parquet

A query only reads, and only the published runs in --out: no other
files, no network, no extensions of DuckDB.

Example:
  npm run --silent account-export -- query \\
    "SELECT name, attributes['industry'] FROM accounts_latest LIMIT 5"`,
    )
    .action(async (sql: string, flags: QueryFlags) => {
      if (flags.json && flags.csv) {
        throw new ExportError('RequestError', 'Conflicting flags: pass either --json or --csv.');
      }
      if (flags.out.startsWith('s3://')) {
        throw new ExportError(
          'ConfigError',
          `Cannot query ${JSON.stringify(flags.out)}: --out must be a folder. Query S3 with Athena.`,
        );
      }
      // DuckDB is loaded only here.
      const { queryFolder } = await import('../query/query-folder.ts');
      print(await queryFolder(flags.out, sql), flags, terminal);
    });
}

function print(result: QueryResult, flags: QueryFlags, { stdout, columns: width }: Terminal): void {
  // CSV in a file keeps every value as it is. In JSON, escapes change no value.
  const shown = flags.csv && !stdout.isTTY ? (line: string) => line : printable;
  for (const line of linesOf(result, flags, width)) stdout.write(`${shown(line)}\n`);
}

function linesOf({ columns, rows }: QueryResult, flags: QueryFlags, width: number): string[] {
  if (flags.json) {
    const objects = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
    return JSON.stringify(objects, null, 1).split('\n');
  }
  if (flags.csv) return [columns, ...rows].map((row) => row.map((value) => csvCell(cellText(value, ''))).join(','));
  const [head = [], ...cells] = [columns, ...rows].map((row) =>
    row.map((value) => printable(cellText(value, 'NULL').replaceAll(/\s+/g, ' '))),
  );
  const table = new Table({
    head,
    colWidths: tableWidths([head, ...cells], width - 1),
    style: { head: [], border: [], compact: true },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const row of cells) table.push(row);
  return [...table.toString().split('\n'), counted(rows.length, 'row')];
}

/** Column widths as the content needs, within the width of the terminal: long values are truncated. */
function tableWidths(lines: readonly (readonly string[])[], width: number): number[] {
  const columns = lines[0]?.length ?? 0;
  const share = Math.max(8, Math.floor((width - columns) / Math.max(1, columns)));
  const needed = Array.from({ length: columns }, (_, i) =>
    lines.reduce((most, line) => Math.max(most, (line[i]?.length ?? 0) + 2), 0),
  );
  const left = width - columns - needed.reduce((sum, need) => sum + Math.min(need, share), 0);
  const wide = needed.filter((need) => need > share).length;
  const extra = Math.max(0, Math.floor(left / Math.max(1, wide)));
  return needed.map((need) => (need <= share ? need : Math.min(need, share + extra)));
}

function cellText(value: unknown, ifNull: string): string {
  if (value === null || value === undefined) return ifNull;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function csvCell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
