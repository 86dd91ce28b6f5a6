import { describe, expect, it } from 'vitest';
import { ExportError } from '../../functions/errors.ts';
import { reportFailure } from '../../functions/export/report-failure.ts';
import { memoryStore } from '../support/memory-store.ts';
import { setUp } from '../support/stepped-run.ts';

describe('reportFailure', () => {
  it('finds the sentence of the page behind the error of a Distributed Map', async () => {
    const { steps, store } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page === 2) throw new ExportError('ApiCredentialsError', 'The API refused the key.');
    });
    const plan = await steps.plan();
    await expect(steps.pages(plan)).rejects.toThrow();
    const failure = {
      Error: 'States.ExceedToleratedFailureThreshold',
      Cause: 'The specified tolerated failure threshold was exceeded',
    };
    expect(await reportFailure({ store }, { runId: 'run-1', request: {}, failure })).toEqual({
      error: 'ApiCredentialsError',
      cause: 'The API refused the key. 2 of 3 pages are done and kept.',
    });
  });

  it('takes the message out of what Lambda reports, and leaves the stack behind', async () => {
    const { store } = memoryStore();
    const Cause = JSON.stringify({
      errorType: 'RequestError',
      errorMessage: 'No export "x".',
      trace: ['at secret.ts:1'],
    });
    expect(
      await reportFailure({ store }, { runId: 'run-1', request: {}, failure: { Error: 'RequestError', Cause } }),
    ).toEqual({
      error: 'RequestError',
      cause: 'No export "x".',
    });
  });

  it('looks up the run that an execution went on with', async () => {
    const { steps, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const event = {
      runId: 'again',
      request: { resume: 'run-1' },
      failure: { Error: 'ApiThrottledError', Cause: 'Refused.' },
    };
    expect(await reportFailure({ store }, event)).toMatchObject({ cause: 'Refused. 1 of 3 pages are done and kept.' });
  });
});
