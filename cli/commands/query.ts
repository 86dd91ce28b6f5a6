import Table from 'cli-table3';
import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
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

Example:
  npm run --silent account-export -- query \\
    "SELECT name, attributes['industry'] FROM accounts_latest LIMIT 5"`,
    )
    .action(async (sql: string, flags: QueryFlags) => {
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

function print({ columns, rows }: QueryResult, flags: QueryFlags, { stdout, columns: width }: Terminal): void {
  const write = (line: string) => void stdout.write(`${line}\n`);
  if (flags.json) {
    write(
      JSON.stringify(
        rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
        null,
        1,
      ),
    );
    return;
  }
  if (flags.csv) {
    for (const row of [columns, ...rows]) write(row.map((value) => csvCell(cellText(value, ''))).join(','));
    return;
  }
  const table = new Table({
    head: [...columns],
    colWidths: tableWidths({ columns, rows }, width - 1),
    style: { head: [], border: [], compact: true },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const row of rows) table.push(row.map((value) => cellText(value, 'NULL').replaceAll(/\s+/g, ' ')));
  write(table.toString());
  write(counted(rows.length, 'row'));
}

/** Column widths as the content needs, within the width of the terminal: long values are truncated. */
function tableWidths({ columns, rows }: QueryResult, width: number): number[] {
  const share = Math.max(8, Math.floor((width - columns.length) / Math.max(1, columns.length)));
  const needed = columns.map(
    (column, i) => Math.max(column.length, ...rows.map((row) => cellText(row[i], 'NULL').length)) + 2,
  );
  const left = width - columns.length - needed.reduce((sum, need) => sum + Math.min(need, share), 0);
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
