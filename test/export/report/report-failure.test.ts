import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../../functions/export/report/report-failure.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { setUp } from '../../support/stepped-run.ts';

const EXECUTION = 'arn:aws:states:eu-west-1:111111111111:execution:exports:run-1';

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
    const report = await reportFailure({ store }, { runId: 'run-1', execution: EXECUTION, request: {}, failure });
    const executionUrl =
      'https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:eu-west-1:111111111111:execution:exports:run-1';
    expect(report).toEqual({
      error: 'ApiCredentialsError',
      cause: 'The API refused the key. 2 of 3 pages are done and kept.',
      subject: 'Account Export: Export all failed',
      message: [
        'Export all failed: The API refused the key.',
        '',
        'Run:    run-1',
        'Error:  ApiCredentialsError',
        'Pages:  2 of 3 are done and kept',
        '',
        'What was published before is as it was. When the cause is repaired, go on with this run, which fetches no finished page again, by starting the state machine with {"resume":"run-1"}.',
        '',
        executionUrl,
      ].join('\n'),
      event: {
        status: 'failed',
        runId: 'run-1',
        exportName: 'all',
        error: 'ApiCredentialsError',
        message: 'The API refused the key.',
        pagesDone: 2,
        pages: 3,
        resume: { resume: 'run-1' },
        publish: null,
        consistency: null,
        executionUrl,
      },
    });
  });

  it('says that no page could tell why, where none could', async () => {
    const { steps, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const failure = { Error: 'States.ExceedToleratedFailureThreshold', Cause: 'exceeded' };
    expect(
      await reportFailure({ store }, { runId: 'run-1', execution: EXECUTION, request: {}, failure }),
    ).toMatchObject({
      error: 'RunIncompleteError',
      cause:
        'Of 3 pages of run "run-1", 2 are missing, and none could say why: the map run of the execution shows what became of them. 1 of 3 pages are done and kept.',
    });
  });

  it('says so when what the run left cannot be read, and can still be taken up', async () => {
    const { steps, store } = setUp(25);
    await steps.plan();
    store.get = async () => {
      throw new ExportError('StorageError', 'No answer.');
    };
    const failure = { Error: 'States.ExceedToleratedFailureThreshold', Cause: 'exceeded' };
    const report = await reportFailure({ store }, { runId: 'run-1', execution: EXECUTION, request: {}, failure });
    expect(report).toMatchObject({
      error: 'StorageError',
      cause:
        'Run "run-1" failed, and what it left under memory/ could not be read to find out why: the execution shows what became of its pages.',
      event: { resume: { resume: 'run-1' } },
    });
  });

  it('does not take what failed under an earlier execution for the reason', async () => {
    let error: 'ApiNotFoundError' | 'ApiThrottledError' = 'ApiNotFoundError';
    const { steps, store } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page < 3) throw new ExportError(error, `It was ${error}.`);
    });
    const plan = await steps.plan();
    await expect(steps.pages({ ...plan, pageNumbers: [1] })).rejects.toThrow();
    const again = (await steps.resume('run-1')) as typeof plan;
    error = 'ApiThrottledError';
    await expect(steps.pages({ ...again, pageNumbers: [2] })).rejects.toThrow();
    const failure = { Error: 'States.ExceedToleratedFailureThreshold', Cause: 'exceeded' };
    const event = { runId: 'again', execution: EXECUTION, request: { resume: 'run-1' }, failure };
    expect(await reportFailure({ store }, event)).toMatchObject({ error: 'ApiThrottledError' });
  });

  it('takes the message out of what Lambda reports, and leaves the stack behind', async () => {
    const { store } = memoryStore();
    const Cause = JSON.stringify({
      errorType: 'RequestError',
      errorMessage: 'No export "x".',
      trace: ['at secret.ts:1'],
    });
    const event = { runId: 'run-1', execution: 'local/1', request: {}, failure: { Error: 'RequestError', Cause } };
    const report = await reportFailure({ store }, event);
    expect(report).toMatchObject({
      error: 'RequestError',
      cause: 'No export "x".',
      subject: 'Account Export: An export failed',
      event: { exportName: null, pagesDone: 0, pages: null, resume: null, executionUrl: null },
    });
    expect(report.message).toContain('start the export again.');
    expect(JSON.stringify(report)).not.toContain('secret.ts');
  });

  it('looks up the run that an execution went on with', async () => {
    const { steps, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const event = {
      runId: 'again',
      execution: EXECUTION,
      request: { resume: 'run-1' },
      failure: { Error: 'ApiThrottledError', Cause: 'Refused.' },
    };
    expect(await reportFailure({ store }, event)).toMatchObject({
      cause: 'Refused. 1 of 3 pages are done and kept.',
      event: { runId: 'run-1', exportName: 'all' },
    });
  });
});
