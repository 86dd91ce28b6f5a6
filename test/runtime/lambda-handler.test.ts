import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExportError } from '../../functions/model/errors.ts';
import { lambdaHandler, type Work } from '../../functions/runtime/lambda-handler.ts';

const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const logged = () =>
  printed.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);

function invoke<T>(task: Work<T>, event: unknown, remainingMs = 60_000): Promise<T> {
  const context = {
    getRemainingTimeInMillis: () => remainingMs,
    awsRequestId: 'request-1',
    functionName: 'export-page',
  } as Context;
  return lambdaHandler('Export page', task)(event, context) as Promise<T>;
}

describe('lambdaHandler', () => {
  it('logs one line per invocation with ids, counts and time, and no event', async () => {
    const event = { page: 17, run: { runId: 'run-1', exportName: 'all', parameters: { filter: 'a person' } } };
    expect(await invoke(async () => 500, event)).toBe(500);
    expect(logged()).toHaveLength(1);
    expect(logged()[0]).toMatchObject({
      level: 'INFO',
      message: 'Export page done',
      runId: 'run-1',
      exportName: 'all',
      page: 17,
      accounts: 500,
    });
    expect(printed.join('')).not.toContain('a person');
  });

  it('does not keep ids of the previous invocation', async () => {
    await invoke(async () => 1, { page: 17, run: { runId: 'run-1' } });
    await invoke(async () => ({ pages: 3 }), { runId: 'run-2' });
    expect(logged()[1]).toMatchObject({ runId: 'run-2', pages: 3 });
    expect(logged()[1]).not.toHaveProperty('page');
  });

  it('throws an ExportError with its name and message only', async () => {
    const fail = async () => {
      throw Object.assign(new ExportError('ApiThrottledError', 'Page 17 was refused.'), { headers: {} });
    };
    const error = await invoke(fail, {}).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ApiThrottledError', message: 'Page 17 was refused.' });
    expect(Object.keys(error as object)).toEqual(['name']);
    expect(logged()[0]).toMatchObject({
      level: 'ERROR',
      errorName: 'ApiThrottledError',
      errorMessage: 'Page 17 was refused.',
    });
  });

  it('hides the message of other errors, which may quote account data', async () => {
    const fail = async () => {
      throw new SyntaxError('Unexpected token in {"name":"A person"}', { cause: { authorization: 'Basic secret' } });
    };
    await expect(invoke(fail, {})).rejects.toMatchObject({
      name: 'SyntaxError',
      message: expect.stringContaining('Unexpected error in Export page'),
    });
    expect(printed.join('')).not.toMatch(/A person|Basic secret/);
  });

  it('aborts the signal before the function timeout and lets the task finish', async () => {
    const work: Work<number> = (_event, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new ExportError('ApiUnavailableError', 'Page 17 was given up.')));
      });
    await expect(invoke(work, {}, 5_050)).rejects.toMatchObject({
      name: 'ApiUnavailableError',
      message: 'Page 17 was given up.',
    });
  });

  it('fails a task that does not stop with an error that the workflow retries', async () => {
    const never: Work<number> = () => new Promise(() => undefined);
    await expect(invoke(never, {}, 1_050)).rejects.toMatchObject({
      name: 'ApiUnavailableError',
      message:
        'Export page timed out (limit 1 s): wait for the next attempt; if it fails again, see the log of the function.',
    });
    await expect(invoke(never, { runId: 'run-1' }, 1_050)).rejects.toMatchObject({
      message:
        'Export page timed out (limit 1 s): resume the run, or start a new run if it was never planned; if it fails again, see the log of the function.',
    });
    await expect(invoke(never, { run: { runId: 'run-1' }, page: 17 }, 1_050)).rejects.toMatchObject({
      message:
        'Export page timed out for page 17 (limit 1 s): resume the run; if it fails again, see the log of the function.',
    });
  });
});
