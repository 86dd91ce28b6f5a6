/** What wraps every task on AWS: ids in each log line, one line an invocation, a trace, an end before the timeout. */
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { ExportError, isExportError } from '../model/errors.ts';
import { NAME_PATTERN } from '../model/export-settings.ts';
import { logger } from './observability.ts';
import { traced } from './tracing.ts';

/** How long before the function's end its work is told to stop: time enough to write down how far it got. */
const STOP_EARLY_MS = 5_000;
/** How long before its end the function gives up on work that does not stop, so that the failure has our name. */
const GIVE_UP_EARLY_MS = 1_000;

/** A task of the workflow: parses its own event, and stops when the signal says so. */
export type Task<T> = (event: unknown, signal: AbortSignal) => Promise<T>;

/**
 * The handler of a task.
 *
 * Logged are ids, counts and milliseconds; never the event, a record or a header. Errors of this project leave as they
 * are; of any other only the name is passed on, because its message may quote what it was working on.
 */
export function lambdaHandler<T>(what: string, task: Task<T>) {
  const run = async (event: unknown, context: Context, options: { signal: AbortSignal }): Promise<T> => {
    const startedAt = Date.now();
    logger.resetKeys();
    logger.addContext(context);
    logger.appendKeys(idsOf(event));
    try {
      const deadline = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - STOP_EARLY_MS));
      const signal = AbortSignal.any([options.signal, deadline]);
      const result = await traced(what, () => task(event, signal));
      logger.info(`${what} done`, { milliseconds: Date.now() - startedAt, ...idsOf(result), ...figuresOf(result) });
      return result;
    } catch (error) {
      const failure = presentable(what, error);
      logger.error(`${what} failed`, {
        milliseconds: Date.now() - startedAt,
        errorName: failure.name,
        errorMessage: failure.message,
      });
      throw failure;
    }
  };
  return middy({
    timeoutEarlyInMillis: GIVE_UP_EARLY_MS,
    timeoutEarlyResponse: () => {
      throw new ExportError(
        'ApiUnavailableError',
        `${what} did not end within the function's time; it can be tried again later.`,
      );
    },
  }).handler(run);
}

function presentable(what: string, error: unknown): Error {
  if (isExportError(error)) return new NamedError(error.name, error.message);
  const name = error instanceof Error ? error.name : 'Error';
  return new NamedError(
    name,
    `${what} failed unexpectedly (${name}): this is a defect; the function's log holds the invocation.`,
  );
}

/** Only name, message and stack leave a Lambda; a cause or a header attached to an error must not reach a log either. */
class NamedError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The parts of events and results that name what they are about. */
interface Named {
  readonly run?: Named;
  readonly request?: Named;
  readonly event?: Named;
  readonly exports?: readonly { readonly name?: unknown }[];
  readonly runId?: unknown;
  readonly exportName?: unknown;
  readonly page?: unknown;
}

/** The ids in an event or a result, wherever its task keeps them; `{}` asks for the only export there is. */
function idsOf(value: unknown): Record<string, string | number> {
  const { run, request, event, exports = [], ...named } = (value ?? {}) as Named;
  const [only] = exports.length === 1 ? exports : [];
  const exportName = run?.exportName ?? named.exportName ?? request?.exportName ?? event?.exportName ?? only?.name;
  const ids = {
    runId: run?.runId ?? named.runId ?? event?.runId,
    // What somebody puts in the place of a name is none before its task has checked it, and may be anything.
    exportName: NAME_PATTERN.test(String(exportName)) ? exportName : undefined,
    page: named.page,
  };
  return Object.fromEntries(
    Object.entries(ids).filter(
      (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  );
}

/** The figures of a result: numbers only. */
function figuresOf(result: unknown): Record<string, number> {
  if (typeof result === 'number') return { accounts: result };
  return Object.fromEntries(
    Object.entries(result ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
