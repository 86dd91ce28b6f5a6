import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { stackQueries } from '../deployed/query-stack.ts';
import { connect } from '../deployed/stack.ts';
import type { StackFlags } from '../flags/stack-flags.ts';
import { type Layout, printResult } from '../query/print-result.ts';
import { prompt } from '../query/prompt.ts';
import { QueryCanceled, type RunQuery } from '../query/query-result.ts';
import { readAll } from '../query/statements.ts';
import type { Terminal } from '../terminal/terminal.ts';

type QueryFlags = Pick<StackFlags, 'profile' | 'region' | 'verbose'> & {
  out?: string;
  stack?: string | true;
  json?: boolean;
  csv?: boolean;
  vertical?: boolean;
};

const DEFAULT_OUT = './out';
const LAYOUTS = ['json', 'csv', 'vertical'] as const;

/** @param reportError prints an error, of which a prompt has many. @returns the exit code */
export function queryCommand(terminal: Terminal, reportError: (error: unknown) => Promise<number>): Command {
  return new Command('query')
    .argument('[sql]', 'one SELECT; - reads it from standard input')
    .option('--out <folder>', `folder that run wrote to (default: ${DEFAULT_OUT})`)
    .option('--stack [name]', `query a deployed stack in Athena (default: ${DEFAULT_STACK_NAME})`)
    .option('--region <region>', 'AWS region of the stack')
    .option('--profile <name>', 'AWS profile')
    .option('--json', 'print the rows as JSON')
    .option('--csv', 'print the rows as CSV')
    .option('--vertical', 'print one record below the other')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
Views: accounts_latest, accounts_history, runs
Tables: export_runs, accounts_json, accounts_csv, accounts_parquet

Without SQL, it reads standard input, and on a terminal it shows a prompt.
A table wider than the terminal is printed as one record below the other.

Write SQL for Athena (Trino). element_at, date_format, approx_percentile, UNNEST
of a map and other functions work here and in Athena; division and casts give
the same results. Without --stack, some functions, such as format and
json_value, are not available. docs/athena.md lists the differences.

A query only reads. Without --stack, it reads only the published runs in
--out: no other files, no network, no extensions of DuckDB. With --stack, it
runs in the workgroup of the stack, and Athena charges for what it scans.

Example:
  ${PROGRAM} query \\
    "SELECT name, attributes['industry'] FROM accounts_latest LIMIT 5"`,
    )
    .action(async (argument: string | undefined, given: QueryFlags) => {
      const { sql, flags } = sqlOf(argument, given);
      check(flags);
      const query = await queriesOf(flags, terminal);
      const { stdin, stdout } = terminal;
      if (sql === undefined && stdin().isTTY && stdout.isTTY) return interact({ query, flags, terminal, reportError });
      const text = sql === undefined || sql === '-' ? await sqlFrom(terminal) : sql;
      await print(text, { query, flags, terminal, signal: terminal.interrupted() }).catch((error: unknown) => {
        if (!(error instanceof QueryCanceled)) throw error;
        terminal.stderr.write(`${error.message}\n`);
        terminal.exitCode = 1;
      });
    });
}

/** `--stack "SELECT 1"`: the name of a stack has no spaces, so this is the statement. */
function sqlOf(argument: string | undefined, flags: QueryFlags) {
  return argument === undefined && typeof flags.stack === 'string' && /\s|^-$/.test(flags.stack)
    ? { sql: flags.stack, flags: { ...flags, stack: true as const } }
    : { sql: argument, flags };
}

/** @throws ExportError `RequestError` or `ConfigError` */
function check(flags: QueryFlags): void {
  const conflict = (first: string, second: string) =>
    new ExportError('RequestError', `Conflicting flags: pass either --${first} or --${second}.`);
  const [first, second] = LAYOUTS.filter((layout) => flags[layout]);
  if (first !== undefined && second !== undefined) throw conflict(first, second);
  if (flags.stack !== undefined && flags.out !== undefined) throw conflict('out', 'stack');
  const place = (['region', 'profile'] as const).find((name) => flags[name] !== undefined);
  if (flags.stack === undefined && place !== undefined) {
    throw new ExportError('RequestError', `Missing --stack: --${place} applies only to a deployed stack.`);
  }
  if (flags.out?.startsWith('s3://')) {
    throw new ExportError(
      'ConfigError',
      `Cannot query ${JSON.stringify(flags.out)}: --out must be a folder. Query a deployed stack with --stack.`,
    );
  }
}

async function queriesOf({ stack, out, ...flags }: QueryFlags, terminal: Terminal): Promise<RunQuery> {
  if (stack !== undefined) {
    return stackQueries(await connect(terminal, { ...flags, stack: stack === true ? DEFAULT_STACK_NAME : stack }));
  }
  // DuckDB is loaded only here. The package leaves it out, because it is ten times as large as the rest.
  const { folderQueries } = await import('../query/query-folder.ts').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ExportError(
      'ConfigError',
      'Cannot query a folder without DuckDB: install it with npm install @duckdb/node-api, or query a deployed stack with --stack.',
    );
  });
  return folderQueries(out ?? DEFAULT_OUT);
}

async function sqlFrom({ stdin }: Terminal): Promise<string> {
  const input = stdin();
  const sql = input.isTTY ? '' : await readAll(input);
  if (sql.trim() !== '') return sql;
  throw new ExportError('RequestError', 'Missing SQL: pass one SELECT as an argument or on standard input.');
}

interface Printing {
  readonly query: RunQuery;
  readonly flags: QueryFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function print(sql: string, { query, flags, terminal, signal }: Printing): Promise<void> {
  const layout: Layout = LAYOUTS.find((one) => flags[one]) ?? 'auto';
  const startedAt = performance.now();
  const { stdout } = terminal;
  await query(
    sql,
    async (result) => {
      const seconds = (performance.now() - startedAt) / 1000;
      await printResult(result, { stdout, layout, width: widthOf(terminal), seconds });
      const isData = layout === 'json' || layout === 'csv';
      if (isData && result.usage !== undefined) terminal.stderr.write(`${result.usage}\n`);
    },
    signal,
  );
}

/** Of the terminal. A file or a pipe has no width, unless `COLUMNS` is set. */
function widthOf({ stdout, env, columns }: Terminal): number {
  if (stdout.isTTY) return stdout.columns ?? columns;
  return Number(env.COLUMNS) || Number.POSITIVE_INFINITY;
}

type Session = Omit<Printing, 'signal'> & { readonly reportError: (error: unknown) => Promise<number> };

async function interact({ query, flags, terminal, reportError }: Session): Promise<void> {
  let vertical = flags.vertical ?? false;
  await prompt({
    stdin: terminal.stdin(),
    stdout: terminal.stdout,
    async run(sql, signal) {
      await print(sql, { query, flags: { ...flags, vertical }, terminal, signal }).catch(async (error: unknown) => {
        if (error instanceof QueryCanceled) terminal.stderr.write(`${error.message}\n`);
        else await reportError(error);
      });
    },
    describe: (table) =>
      // DuckDB's own has columns that are always NULL here.
      flags.stack === undefined ? `SELECT column_name, column_type FROM (DESCRIBE ${table})` : `DESCRIBE ${table}`,
    toggleVertical() {
      vertical = !vertical;
      return vertical ? 'One record below the other.\n' : 'Tables, where they fit.\n';
    },
  });
}
