/** What a failed run says, by what is known of it. */
import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../../functions/export/report/report-failure.ts';
import { account } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { setUp } from '../../support/stepped-run.ts';

const TOLERATED = { Error: 'States.ExceedToleratedFailureThreshold', Cause: 'The threshold was exceeded' };
const report = (store: Parameters<typeof reportFailure>[0]['store'], more: object) =>
  reportFailure({ store }, { runId: 'run-1', execution: 'local/1', request: {}, ...more });

/** A planned run of three pages, of which so many are done, with failures of pages kept. */
async function planned(
  pagesDone: number,
  failures: readonly (readonly [page: number, error: string, start?: number])[],
) {
  const { steps, store, objects } = setUp(25);
  const plan = await steps.plan();
  await steps.pages({ ...plan, pageNumbers: [0, 1, 2].slice(0, pagesDone) });
  const usage = { apiRequests: 1, recordsFetched: 1, retries: {} };
  for (const [page, error, start = plan.run.start] of failures) {
    const failure = { version: 1, page, start, error, message: `Page ${page}.`, attempts: 1, usage };
    objects.set(`work/run_id=run-1/failures/0000${page}.json`, Buffer.from(JSON.stringify(failure)));
  }
  return { steps, store, plan };
}

describe('the sentence of a failed run', () => {
  it('is that of the page that cannot be healed, though others failed before it', async () => {
    const { store } = await planned(0, [
      [0, 'ApiThrottledError'],
      [1, 'ApiCredentialsError'],
      [2, 'ApiNotFoundError'],
    ]);
    expect((await report(store, { failure: TOLERATED })).event).toMatchObject({
      status: 'failed',
      error: 'ApiCredentialsError',
      message: 'Page 1.',
      pagesDone: 0,
      pages: 3,
    });
  });

  it('is that of the first page where all may yet be healed', async () => {
    const { store } = await planned(0, [
      [1, 'ApiThrottledError'],
      [2, 'StorageError'],
    ]);
    expect((await report(store, { failure: TOLERATED })).event).toMatchObject({
      error: 'ApiThrottledError',
      message: 'Page 1.',
    });
  });

  it('is not that of a page which was exported in the end', async () => {
    const { store } = await planned(2, [
      [1, 'ApiCredentialsError'],
      [2, 'StorageError'],
    ]);
    expect(await report(store, { failure: TOLERATED })).toMatchObject({
      error: 'StorageError',
      cause: 'Page 2. 2 of 3 pages are done and kept.',
    });
  });

  it('is its own where it has one, whatever failed before it', async () => {
    const { store } = await planned(3, [[1, 'ApiCredentialsError']]);
    const failure = { Error: 'RunIncompleteError', Cause: 'A page is missing.' };
    expect(await report(store, { failure })).toMatchObject({
      error: 'RunIncompleteError',
      cause: 'A page is missing. 3 of 3 pages are done and kept.',
    });
  });

  it('stays what it was where no page says why', async () => {
    const { store } = await planned(1, []);
    const failure = { Error: 'States.Timeout', Cause: 'It took a day.' };
    expect(await report(store, { failure })).toMatchObject({
      error: 'States.Timeout',
      cause: 'It took a day. 1 of 3 pages are done and kept.',
    });
  });

  it('stays what it was where there is no plan to look pages up by', async () => {
    expect((await report(memoryStore().store, { failure: TOLERATED })).event).toMatchObject({
      error: TOLERATED.Error,
      message: TOLERATED.Cause,
      consistency: null,
    });
  });

  it('says that pages are missing where none could say why', async () => {
    const { store } = await planned(1, [[1, 'ApiCredentialsError', 99]]);
    expect((await report(store, { failure: TOLERATED })).event).toMatchObject({
      error: 'RunIncompleteError',
      message:
        'Of 3 pages of run "run-1", 2 are missing, and none could say why: the map run of the execution shows what became of them.',
    });
  });

  it.each([
    ['nothing', ''],
    ['JSON without a message', '{"errorType":"X"}'],
    ['JSON whose message is no text', '{"errorMessage":5}'],
  ])('is made of the name alone where the cause is %s', async (_what, Cause) => {
    const { store } = memoryStore();
    const { message, cause, event } = await report(store, { failure: { Error: 'Lambda.Unknown', Cause } });
    expect(cause).toBe('The run failed with Lambda.Unknown.');
    expect(event.message).toBe(cause);
    expect(message).toBe(
      [
        'An export failed: The run failed with Lambda.Unknown.',
        '',
        'Run:    run-1',
        'Error:  Lambda.Unknown',
        'Pages:  not planned',
        '',
        'What was published before is as it was. When the cause is repaired, start the export again.',
      ].join('\n'),
    );
  });
});

describe('the export of a run that was not planned', () => {
  const failure = { Error: 'RequestError', Cause: 'No.' };

  it.each([
    ['its name', { exportName: 'all', datasetId: 'engage' }, 'all'],
    ['its dataset', { datasetId: 'engage' }, 'engage'],
    ['nothing', {}, null],
    ['nothing, where the request cannot be read', { exportName: 5 }, null],
    ['nothing, where there is no request', null, null],
  ])('is called by %s', async (_what, request, exportName) => {
    const { event, subject } = await report(memoryStore().store, { request, failure });
    expect(event).toMatchObject({ runId: 'run-1', exportName, pages: null, pagesDone: 0, resume: null, publish: null });
    expect(subject).toBe(
      exportName === null ? 'Account Export: An export failed' : `Account Export: Export ${exportName} failed`,
    );
  });

  it('is cut in the subject of a mail where its name is long', async () => {
    const { subject } = await report(memoryStore().store, { request: { exportName: 'x'.repeat(128) }, failure });
    expect(subject).toMatch(/^Account Export: Export x+$/);
    expect(subject.length).toBeLessThan(100);
    expect(subject.length).toBeGreaterThan(90);
  });
});

describe('a run that was held back', () => {
  it('says how to publish it as it is', async () => {
    const { steps, store, source } = setUp(25);
    const plan = await steps.plan({ onDrift: 'fail' });
    await steps.pages(plan);
    source.list.push(account('late'));
    const refused = (await steps.finish(plan).catch((error: Error) => error)) as Error;
    expect(refused.name).toBe('DriftedError');
    const failure = { Error: refused.name, Cause: JSON.stringify({ errorMessage: refused.message }) };
    const { event, subject, message } = await report(store, { failure });
    expect(event).toMatchObject({
      status: 'quarantined',
      error: 'DriftedError',
      publish: { publish: 'run-1' },
      consistency: { verdict: 'drifted', accountsBefore: 25, accountsAfter: 26 },
    });
    expect(subject).toBe('Account Export: Export all was held back');
    expect(message).toContain('Export all was held back: The source moved while run "run-1" read it');
    expect(message).toContain(
      'What was published before is as it was. To publish this run as it is, start the state machine with {"publish":"run-1"}; to export anew, start the export again.',
    );
  });

  it('is looked up by the execution that was to publish it', async () => {
    const { store } = await planned(3, []);
    const failure = { Error: 'QuarantinedError', Cause: 'Too few.' };
    const { event } = await report(store, { runId: 'run-2', request: { publish: 'run-1' }, failure });
    expect(event).toMatchObject({ runId: 'run-1', exportName: 'all', publish: { publish: 'run-1' } });
  });
});

describe('the console', () => {
  const failure = { Error: 'X', Cause: 'Y' };

  it.each([
    ['arn:aws:states:eu-west-1:1:execution:e:r', 'eu-west-1'],
    ['arn:aws-cn:states:cn-north-1:1:execution:e:r', 'cn-north-1'],
  ])('of %s is in %s', async (execution, region) => {
    const { event, message } = await report(memoryStore().store, { execution, failure });
    expect(event.executionUrl).toContain(`region=${region}#/v2/executions/details/${execution}`);
    expect(message.endsWith(`\n\n${event.executionUrl}`)).toBe(true);
  });

  it.each(['local/1', 'x-arn:aws:states:eu-west-1:1:execution:e:r', 'arn:aws:lambda:eu-west-1:1:function:f'])(
    'shows nothing of %s',
    async (execution) => {
      expect((await report(memoryStore().store, { execution, failure })).event.executionUrl).toBeNull();
    },
  );
});
