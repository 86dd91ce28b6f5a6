/** Queries the deployed stack: one statement in its Athena workgroup. */
import type { Athena, QueryExecution, ResultSet } from '@aws-sdk/client-athena';
import { type AwsCaller, explainAwsFailure } from '../../functions/aws/aws-errors.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { QueryCanceled, type QueryColumn, type QueryResult, type Row, type RunQuery } from '../query/query-result.ts';
import { bytes, duration, money } from '../terminal/format.ts';
import { CommandError, type Stream, type Terminal } from '../terminal/terminal.ts';
import type { Deployed } from './stack.ts';

/** USD per byte. Source: the price page of Amazon Athena, us-east-1. A query is billed for at least 10 MB. */
const USD_PER_BYTE = 5 / 1e12;
const MIN_BILLED_BYTES = 10_000_000;
/** Waits between polls grow to the maximum. Most queries take one to three seconds. */
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 2000;

/**
 * Queries of a stack. They throw `QueryCanceled` after Ctrl-C, when Athena has been asked to stop the query;
 * ExportError `RequestError` for a statement that is not a SELECT, or that Athena refuses; CommandError when AWS fails.
 */
export function stackQueries({ stack, flags, terminal }: Deployed): RunQuery {
  // The database has the name of the workgroup.
  const workgroup = stack.output('Workgroup');
  const caller = { profile: flags.profile ?? terminal.env.AWS_PROFILE, region: stack.region };
  return async (sql, use, signal) => {
    checkReads(sql);
    const { Athena } = await import('@aws-sdk/client-athena');
    const athena = new Athena(stack.clientOptions);
    try {
      const id = await start(athena, { sql, workgroup, caller });
      const ended = await untilEnded({ athena, id, caller, terminal, signal });
      await use(await resultOf({ athena, id, caller, ended, signal }));
    } finally {
      athena.destroy();
    }
  };
}

/** Athena also writes, if the user may: `query` reads, on both sides. SQL comments may come first. */
function checkReads(sql: string): void {
  const [first = ''] = /\w+/.exec(sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|\()+/, '')) ?? [];
  if (['SELECT', 'WITH', 'VALUES', 'SHOW', 'DESCRIBE', 'EXPLAIN'].includes(first.toUpperCase())) return;
  throw new ExportError('RequestError', 'Invalid query: only SELECT is allowed.');
}

interface Statement {
  readonly sql: string;
  readonly workgroup: string;
  readonly caller: AwsCaller;
}

async function start(athena: Athena, { sql, workgroup, caller }: Statement): Promise<string> {
  const { QueryExecutionId = '' } = await athena
    .startQueryExecution({
      QueryString: sql,
      WorkGroup: workgroup,
      QueryExecutionContext: { Database: workgroup },
    })
    .catch((error: Error) => {
      if (isAboutTheText(error.message)) throw refused(error.message);
      throw failure(`Starting a query in workgroup ${workgroup}`, error, caller);
    });
  return QueryExecutionId;
}

interface Execution {
  readonly athena: Athena;
  readonly id: string;
  readonly caller: AwsCaller;
  readonly signal: AbortSignal;
}

/** Waits until the query has succeeded. A query that nobody waits for any more is stopped. */
async function untilEnded(query: Execution & { readonly terminal: Terminal }): Promise<QueryExecution> {
  const { athena, id, caller, terminal, signal } = query;
  const progress = progressOn(terminal.stderr);
  let last: QueryExecution = {};
  let wait = FIRST_WAIT_MS;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { QueryExecution: now = {} } = await athena.getQueryExecution({ QueryExecutionId: id });
      last = now;
      const state = now.Status?.State;
      if (state === 'SUCCEEDED') return now;
      if (state === 'FAILED' || state === 'CANCELLED') break;
      progress.show(now);
      await terminal.sleep(wait, signal);
      wait = Math.min(wait * 1.5, MAX_WAIT_MS);
    }
  } catch (error) {
    // Without the right to stop it, Athena finishes the query.
    await athena.stopQueryExecution({ QueryExecutionId: id }).catch(() => undefined);
    if (signal.aborted) throw new QueryCanceled(`Canceled after ${usageOf(last)}.`);
    throw failure(`Waiting for query ${id}`, error, caller);
  } finally {
    progress.clear();
  }
  if (last.Status?.State === 'CANCELLED') throw new CommandError(`Query ${id} was canceled${limitOf(last)}.`);
  throw explained(last, id);
}

/** Athena cancels a query that scans more than the workgroup allows. */
function limitOf({ Status }: QueryExecution): string {
  return /bytes scanned limit/i.test(Status?.StateChangeReason ?? '')
    ? ': it scanned more than scanLimitGb allows; filter by export_name or export_date'
    : ' by another user or program';
}

/** Messages of Athena's planner name a line of the statement. Others may contain values of accounts. */
function isAboutTheText(message: string | undefined): boolean {
  return /\bline \d+:\d+:/.test(message ?? '');
}

function refused(message: string): ExportError {
  return new ExportError('RequestError', `Query failed: ${message.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '')}.`);
}

function explained({ Status }: QueryExecution, id: string): Error {
  const reason = Status?.StateChangeReason ?? '';
  if (isAboutTheText(reason)) return refused(reason);
  if (/access ?denied|insufficient permissions|not authorized/i.test(reason)) {
    return new CommandError(
      `Query ${id} failed (access denied): ask your AWS administrator for the policy in the output AnalystPolicyArn of the stack.`,
    );
  }
  const code = /^([A-Z][A-Z_]+):/.exec(reason)?.[1] ?? 'unknown error';
  return new CommandError(`Query ${id} failed (${code}): open the query in the Athena console for the message.`);
}

function failure(what: string, error: unknown, caller: AwsCaller): CommandError {
  const { message, kind } = explainAwsFailure(what, error, caller);
  return new CommandError(message, { cause: error, transient: kind === 'transient' });
}

/** `47.0 MB scanned, 0.0003 USD` */
function usageOf({ Statistics }: QueryExecution): string {
  const scanned = Statistics?.DataScannedInBytes ?? 0;
  const usd = Math.max(scanned, MIN_BILLED_BYTES) * USD_PER_BYTE;
  // Rounded up, because no query is free.
  return `${bytes(scanned)} scanned, ${money(Math.ceil(usd * 1e4) / 1e4)}`;
}

/** One line on a terminal that replaces itself. */
function progressOn(stderr: Stream) {
  const startedAt = performance.now();
  let shown = false;
  return {
    show({ Status, Statistics }: QueryExecution): void {
      if (!stderr.isTTY) return;
      const state = Status?.State === 'QUEUED' ? 'Queued' : 'Running';
      const seconds = (performance.now() - startedAt) / 1000;
      stderr.write(
        `\r\u001b[K${state}  ${duration(seconds)}, ${bytes(Statistics?.DataScannedInBytes ?? 0)} scanned; cancel with Ctrl-C`,
      );
      shown = true;
    },
    clear(): void {
      if (shown) stderr.write('\r\u001b[K');
    },
  };
}

async function resultOf(query: Execution & { readonly ended: QueryExecution }): Promise<QueryResult> {
  const { athena, id, caller, ended, signal } = query;
  const page = (token?: string) =>
    athena
      .getQueryResults({ QueryExecutionId: id, ...(token === undefined ? {} : { NextToken: token }) })
      .catch((error: unknown) => {
        throw failure(`Reading the result of query ${id}`, error, caller);
      });
  const first = await page();
  const types = first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? [];
  const columns = types.map(({ Name = '', Type = '' }): QueryColumn => ({ name: Name, isNumber: NUMBERS.test(Type) }));
  const rowsOf = (results: ResultSet | undefined, from = 0) =>
    (results?.Rows ?? [])
      .slice(from)
      .map(({ Data = [] }) => types.map(({ Type = '' }, i) => jsonValue(Data[i]?.VarCharValue, Type)));
  return {
    columns,
    usage: usageOf(ended),
    chunks: (async function* (): AsyncGenerator<readonly Row[]> {
      // Athena repeats the column names as the first row of a SELECT, and of nothing else.
      yield rowsOf(first.ResultSet, ended.StatementType === 'DML' ? 1 : 0);
      for (let token = first.NextToken; token !== undefined; ) {
        if (signal.aborted) throw new QueryCanceled(`Canceled: ${usageOf(ended)}.`);
        const next = await page(token);
        yield rowsOf(next.ResultSet);
        token = next.NextToken;
      }
    })(),
  };
}

const NUMBERS = /^(tinyint|smallint|integer|bigint|real|float|double|decimal)/;

/**
 * A value as the local query returns it. Athena sends text; a map arrives as `{industry=Banking}`, which cannot be parsed, and
 * stays text. `CAST(attributes AS JSON)` arrives as JSON.
 */
function jsonValue(text: string | undefined, type: string): unknown {
  if (text === undefined) return null;
  if (type === 'boolean') return text === 'true';
  if (type === 'json') return JSON.parse(text);
  if (!NUMBERS.test(type) || type.startsWith('decimal')) return text;
  const value = Number(text);
  const isExact = /^(real|float|double)/.test(type) ? Number.isFinite(value) : Number.isSafeInteger(value);
  return isExact ? value : text;
}
