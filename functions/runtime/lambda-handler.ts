import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { ExportError, isExportError } from '../model/errors.ts';
import { NAME_PATTERN } from '../model/export-settings.ts';
import { logger } from './observability.ts';
import { traced } from './tracing.ts';

/** The signal of a task aborts this long before the timeout of the function, so that the task can store its usage. */
const STOP_EARLY_MS = 5_000;
/** A task that ignores the signal fails this long before the timeout, with an error that the workflow retries. */
const GIVE_UP_EARLY_MS = 1_000;

/** A task of the workflow: parses its event and stops when `signal` aborts. */
export type Task<T> = (event: unknown, signal: AbortSignal) => Promise<T>;

/**
 * Wraps a task in a Lambda handler with a log line per invocation, a trace and an end before the timeout.
 *
 * Logs ids, counts and milliseconds, never the event, an account or a header. An `ExportError` keeps its message; other errors
 * only keep their name, because their message may quote account data.
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
        `${what} did not finish before the function timeout. The workflow retries it.`,
      );
    },
  }).handler(run);
}

function presentable(what: string, error: unknown): Error {
  if (isExportError(error)) return new NamedError(error.name, error.message);
  const name = error instanceof Error ? error.name : 'Error';
  return new NamedError(name, `${what} failed unexpectedly (${name}): report this bug with the function's log.`);
}

/** Has no other properties, such as a cause or headers, that could reach a log. */
class NamedError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The ids in events and results. */
interface Named {
  readonly run?: Named;
  readonly request?: Named;
  readonly event?: Named;
  readonly exports?: readonly { readonly name?: unknown }[];
  readonly runId?: unknown;
  readonly exportName?: unknown;
  readonly page?: unknown;
}

/** The request `{}` means the only configured export. */
function idsOf(value: unknown): Record<string, string | number> {
  const { run, request, event, exports = [], ...named } = (value ?? {}) as Named;
  const [only] = exports.length === 1 ? exports : [];
  const exportName = run?.exportName ?? named.exportName ?? request?.exportName ?? event?.exportName ?? only?.name;
  const ids = {
    runId: run?.runId ?? named.runId ?? event?.runId,
    // The event is not validated yet, and may contain anything.
    exportName: NAME_PATTERN.test(String(exportName)) ? exportName : undefined,
    page: named.page,
  };
  return Object.fromEntries(
    Object.entries(ids).filter(
      (entry): entry is [string, string | number] => typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  );
}

function figuresOf(result: unknown): Record<string, number> {
  if (typeof result === 'number') return { accounts: result };
  return Object.fromEntries(
    Object.entries(result ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
