/** Wraps the work of every Lambda: ids in each log line, one line per invocation, a trace, and an end before the timeout. */
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { ExportError, isExportError } from '../model/errors.ts';
import { NAME_PATTERN } from '../model/export-settings.ts';
import { RESUME_OR_START } from '../model/remedies.ts';
import { logger } from './observability.ts';
import { traced } from './tracing.ts';

/** How long before the function's timeout its work is aborted: enough to record its usage. */
const STOP_EARLY_MS = 5_000;
/** How long before its timeout the function gives up on work that does not stop: reported as `ApiUnavailableError`, with the page. */
const GIVE_UP_EARLY_MS = 1_000;

/** The work of a Lambda: parses its own event, and stops when the signal aborts. */
export type Work<T> = (event: unknown, signal: AbortSignal) => Promise<T>;

/**
 * The handler of a Lambda.
 *
 * It logs ids, counts and milliseconds; never the event, an account or a header. Errors of this project are passed on. Of
 * other errors only the name is passed on, because their messages may quote data.
 */
export function lambdaHandler<T>(what: string, work: Work<T>) {
  // Shared by invocations: a function runs one at a time.
  let messageOnTimeout = '';
  const invoke = async (event: unknown, context: Context, options: { signal: AbortSignal }): Promise<T> => {
    const startedAt = Date.now();
    messageOnTimeout = timeoutMessage(what, event, context.getRemainingTimeInMillis());
    logger.resetKeys();
    logger.addContext(context);
    logger.appendKeys(idsOf(event));
    try {
      const deadline = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - STOP_EARLY_MS));
      const signal = AbortSignal.any([options.signal, deadline]);
      const result = await traced(what, () => work(event, signal));
      logger.info(`${what} done`, { milliseconds: Date.now() - startedAt, ...idsOf(result), ...figuresOf(result) });
      return result;
    } catch (error) {
      const failure = presentable(what, event, error);
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
      throw new ExportError('ApiUnavailableError', messageOnTimeout);
    },
  }).handler(invoke);
}

function timeoutMessage(what: string, event: unknown, limitMs: number): string {
  const { page } = idsOf(event);
  const where = page === undefined ? '' : ` for page ${page}`;
  return `${what} timed out${where} (limit ${Math.round(limitMs / 1000)} s): ${remedyFor(event)}; if it fails again, see the log of the function.`;
}

/** An event with `run` is about a planned run, which can be resumed. With `runId` alone, there may be no plan. Upkeep has neither. */
function remedyFor(event: unknown): string {
  const { run, runId } = (event ?? {}) as Named;
  if (run !== undefined) return 'resume the run';
  return runId === undefined ? 'wait for the next attempt' : RESUME_OR_START;
}

function presentable(what: string, event: unknown, error: unknown): Error {
  if (isExportError(error)) return new NamedError(error.name, error.message);
  const name = error instanceof Error ? error.name : 'Error';
  return new NamedError(
    name,
    `Unexpected error in ${what} (${name}): ${remedyFor(event)}; if it fails again, report it with the log of the function.`,
  );
}

/** Only name, message and stack leave a Lambda; anything attached to an error, such as a header, must not reach a log. */
class NamedError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The parts of events and results that hold ids. */
interface Named {
  readonly run?: Named;
  readonly request?: Named;
  readonly event?: Named;
  readonly runId?: unknown;
  readonly exportName?: unknown;
  readonly page?: unknown;
}

/** The ids in an event or a result. */
function idsOf(value: unknown): Record<string, string | number> {
  const { run, request, event, ...named } = (value ?? {}) as Named;
  const exportName = run?.exportName ?? named.exportName ?? request?.exportName ?? event?.exportName;
  const ids = {
    runId: run?.runId ?? named.runId ?? event?.runId,
    // An unchecked name may be anything.
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
