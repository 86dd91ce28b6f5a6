import { StatementType } from '@duckdb/node-api';
import Table from 'cli-table3';
import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { openLocalDatabase } from '../query/local-database.ts';
import { plainValue } from '../query/plain-value.ts';
import { counted } from '../terminal/terminal.ts';

interface QueryFlags {
  out: string;
  json?: boolean;
  csv?: boolean;
}

interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

export function queryCommand(): Command {
  return new Command('query')
    .description('SQL over what run wrote, with the tables and views of Athena')
    .argument('<sql>', 'one SELECT')
    .option('--out <folder>', 'the folder that run wrote to', './out')
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
          `--out is ${JSON.stringify(flags.out)}; query reads a folder: ask Athena for what lies in S3.`,
        );
      }
      print(await loadResult(flags.out, sql), flags);
    });
}

async function loadResult(folder: string, sql: string): Promise<QueryResult> {
  const connection = await openLocalDatabase(folder);
  try {
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) {
      throw new ExportError('RequestError', `One statement is needed, and these are ${statements.count}.`);
    }
    const statement = await statements.prepare(0);
    if (!READING.includes(statement.statementType)) {
      throw new ExportError('RequestError', 'Only SELECT is allowed: query reads and never writes.');
    }
    const reader = await statement.runAndReadAll();
    return { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plainValue)) };
  } catch (error) {
    if (error instanceof ExportError) throw error;
    throw new ExportError('RequestError', `The query cannot be run: ${inOneLine((error as Error).message)}`);
  } finally {
    connection.closeSync();
  }
}

const READING: readonly StatementType[] = [StatementType.SELECT, StatementType.EXPLAIN];

/** DuckDB draws the place of a mistake below its message and guesses at names; one line is enough. */
function inOneLine(message: string): string {
  const own = message.replace(/^Failed to extract statements: /, '');
  const [first = own] = own.split(/\n\s*\n|\nLINE |\nDid you mean/);
  const line = first.replaceAll(/\s+/g, ' ').trim();
  return line.startsWith('Catalog Error: Table') ? `${line} There are ${TABLES.join(', ')}.` : line;
}

const TABLES = [
  'accounts_latest',
  'accounts_history',
  'export_runs',
  'accounts_json',
  'accounts_csv',
  'accounts_parquet',
];

function print({ columns, rows }: QueryResult, flags: QueryFlags): void {
  const write = (line: string) => void process.stdout.write(`${line}\n`);
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
  const width = Math.max(8, Math.floor((79 - columns.length) / Math.max(1, columns.length)));
  const table = new Table({
    head: [...columns],
    colWidths: tableWidths({ columns, rows }, width),
    style: { head: [], border: [], compact: true },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  });
  for (const row of rows) table.push(row.map((value) => cellText(value, 'NULL').replaceAll(/\s+/g, ' ')));
  write(table.toString());
  write(counted(rows.length, 'row'));
}

/** As wide as the content needs, and within 80 columns where that is less: long values are cut, with a sign of it. */
function tableWidths({ columns, rows }: QueryResult, share: number): number[] {
  const needed = columns.map(
    (column, i) => Math.max(column.length, ...rows.map((row) => cellText(row[i], 'NULL').length)) + 2,
  );
  const spare = 79 - columns.length - needed.reduce((sum, width) => sum + Math.min(width, share), 0);
  const wide = needed.filter((width) => width > share).length;
  return needed.map((width) =>
    width <= share ? width : Math.min(width, share + Math.max(0, Math.floor(spare / Math.max(1, wide)))),
  );
}

function cellText(value: unknown, nothing: string): string {
  if (value === null || value === undefined) return nothing;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function csvCell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
