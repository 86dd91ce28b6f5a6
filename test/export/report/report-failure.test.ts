/** What is reported about a failed run, by what is known of it. */
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../../functions/export/ports.ts';
import { reportFailure } from '../../../functions/export/report/report-failure.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { account } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { setUp, WORK } from '../../support/stepped-run.ts';

const EXECUTION = 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport:run-1';
const MAP_FAILED = { Error: 'States.ExceedToleratedFailureThreshold', Cause: 'The threshold was exceeded' };
const report = (store: ObjectStore, more: object, stack = 'AccountExport') =>
  reportFailure(
    { store, commandLine: { program: 'npx account-export', stack } },
    { runId: 'run-1', execution: EXECUTION, request: {}, failure: MAP_FAILED, ...more },
  );

/** A planned run of three pages, of which so many are done, with failures of pages, of this execution or another. */
async function planned(
  pagesDone: number,
  failures: readonly (readonly [page: number, error: string, execution?: string])[] = [],
) {
  const { steps, store, objects, source } = setUp(25);
  const plan = await steps.plan({ onDrift: 'fail' });
  await steps.pages({ ...plan, pageNumbers: [0, 1, 2].slice(0, pagesDone) });
  const usage = { apiRequests: 1, recordsFetched: 1, retries: {} };
  for (const [page, error, execution = 'run-1'] of failures) {
    const failure = { version: 1, task: page, error, message: `Page ${page}.`, attempts: 1, usage };
    objects.set(`${WORK}failures/${execution}/0000${page}.json`, Buffer.from(JSON.stringify(failure)));
  }
  return { steps, store, plan, source };
}

describe('reportFailure', () => {
  it('finds the page behind the error of a Distributed Map', async () => {
    const { store } = await planned(2, [[2, 'ApiCredentialsError']]);
    const executionUrl = `https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/${EXECUTION}`;
    expect(await report(store, {})).toEqual({
      error: 'ApiCredentialsError',
      cause: 'Page 2. 2 of 3 pages are exported and kept.',
      subject: 'Account Export: Export all failed',
      message: [
        'Export all failed: Page 2.',
        '',
        'Run:    run-1',
        'Error:  ApiCredentialsError',
        'Pages:  2 of 3 exported and kept',
        '',
        'Published data is unchanged. When the cause is gone, resume the run. Finished pages are not fetched again.',
        'npx account-export resume run-1',
        'Without the command line: Start the state machine with {"resume":"run-1"}.',
        '',
        executionUrl,
      ].join('\n'),
      event: {
        status: 'failed',
        runId: 'run-1',
        exportName: 'all',
        error: 'ApiCredentialsError',
        message: 'Page 2.',
        pagesDone: 2,
        pages: 3,
        resume: { resume: 'run-1' },
        publish: null,
        consistency: null,
        executionUrl,
      },
    });
  });

  it.each([
    [
      'the permanent error, although others came before it',
      [
        [0, 'ApiThrottledError'],
        [1, 'ApiCredentialsError'],
        [2, 'ApiNotFoundError'],
      ],
      0,
      'ApiCredentialsError',
      'Page 1.',
    ],
    [
      'the first error, if all are transient',
      [
        [1, 'ApiThrottledError'],
        [2, 'StorageError'],
      ],
      0,
      'ApiThrottledError',
      'Page 1.',
    ],
    [
      'no error of a page that was exported in the end',
      [
        [1, 'ApiCredentialsError'],
        [2, 'StorageError'],
      ],
      2,
      'StorageError',
      'Page 2.',
    ],
    [
      'the error of a second attempt at a page, if every page is exported',
      [[1, 'StorageError']],
      3,
      'StorageError',
      'Page 1.',
    ],
    [
      'no error of an earlier execution',
      [[1, 'ApiCredentialsError', 'earlier']],
      1,
      'RunIncompleteError',
      `2 of 3 pages of run "run-1" are missing, and no cause was recorded: resume the run; if it fails again, see the map run of the execution.`,
    ],
  ] as const)('reports %s', async (...[_what, failures, done, error, message]) => {
    const { store } = await planned(done, failures);
    expect((await report(store, {})).event).toMatchObject({
      status: 'failed',
      error,
      message,
      pagesDone: done,
      pages: 3,
    });
  });

  it('keeps the error of a task that explains itself, and one that no page explains', async () => {
    const { store } = await planned(3, [[1, 'ApiCredentialsError']]);
    const failure = { Error: 'RunIncompleteError', Cause: 'A page is missing.' };
    expect(await report(store, { failure })).toMatchObject({
      error: 'RunIncompleteError',
      // Nothing that contradicts it: a modified part has a receipt, too.
      cause: 'A page is missing.',
      message: expect.stringContaining('\nPages:  3 of 3 exported\n'),
    });
    const timeout = { Error: 'States.Timeout', Cause: 'It took a day.' };
    expect(await report((await planned(1)).store, { failure: timeout })).toMatchObject({
      error: 'States.Timeout',
      cause: 'It took a day. 1 of 3 pages are exported and kept.',
    });
    // A page that was retried does not explain why the run took a day.
    const slow = await planned(1, [[1, 'ApiThrottledError']]);
    expect(await report(slow.store, { failure: timeout })).toMatchObject({ error: 'States.Timeout' });
    expect((await report(memoryStore().store, {})).event).toMatchObject({
      error: MAP_FAILED.Error,
      message: MAP_FAILED.Cause,
      consistency: null,
    });
  });

  it('escapes control characters and joins the lines of an error', async () => {
    const failure = { Error: 'Error', Cause: 'Field "\u001b[2Jname\u202e" \n is\tbad.' };
    const { cause, message, event } = await report((await planned(1)).store, { failure });
    const escaped = 'Field "\\u001b[2Jname\\u202e" is bad.';
    expect(event.message).toBe(escaped);
    expect(cause).toContain(escaped);
    expect(message.split('\n')[0]).toBe(`Export all failed: ${escaped}`);
  });

  it('says that the work of the run cannot be read, and that it can be resumed', async () => {
    const { store } = await planned(1);
    store.get = async () => {
      throw new ExportError('StorageError', 'No answer.');
    };
    expect(await report(store, {})).toMatchObject({
      error: 'StorageError',
      cause:
        'Run "run-1" failed, and the cause is unknown because the function "Report failure" could not read memory/: see the map run of the execution for the cause, and check the permissions of the function.',
      event: { resume: { resume: 'run-1' } },
    });
  });

  it('looks up the run that the execution resumed or was to publish', async () => {
    const { store } = await planned(1);
    const failure = { Error: 'ApiThrottledError', Cause: '429.' };
    expect(await report(store, { runId: 'again', request: { resume: 'run-1' }, failure })).toMatchObject({
      cause: '429. 1 of 3 pages are exported and kept.',
      event: { runId: 'run-1', exportName: 'all' },
    });
    const quarantined = { Error: 'QuarantinedError', Cause: 'Too few.' };
    const { event } = await report(store, { runId: 'again', request: { publish: 'run-1' }, failure: quarantined });
    expect(event).toMatchObject({ runId: 'run-1', exportName: 'all', publish: { publish: 'run-1' } });
  });

  it('reports the retry of a run whose data changed, if there is one', async () => {
    const { steps, store, source } = setUp(25);
    const plan = await steps.plan({ onDrift: 'retry' });
    await steps.pages(plan);
    source.list[9] = account('replaced');
    await steps.finish(plan);
    await steps.pages({ ...(await steps.plan({ onDrift: 'retry' })), pageNumbers: [0] });
    const { event } = await report(store, { failure: { Error: 'ApiNotFoundError', Cause: '404.' } });
    expect(event).toMatchObject({ runId: 'run-1-retry', pagesDone: 1, pages: 3, resume: { resume: 'run-1-retry' } });
  });

  it.each([
    ['a page size', 'PageTooLargeError', null, 'Fix the cause, then start a new run.'],
    ['a page size', 'PageSizeCappedError', null, 'Fix the cause, then start a new run.'],
    ['a parameter', 'ApiRequestError', null, 'Fix the cause, then start a new run.'],
    ['the request', 'RequestError', null, 'Follow the message above.'],
    [
      'the record budget',
      'BudgetExceededError',
      { resume: 'run-1' },
      'Resume the run; replace N with a maxRecords higher than before. Finished pages are not fetched again.\nnpx account-export resume run-1 --max-records N\nWithout the command line: Start the state machine with {"resume":"run-1","maxRecords":N}.',
    ],
  ])('says what to do if %s has to change (%s)', async (_what, error, resume, remedy) => {
    const { message, event } = await report((await planned(1)).store, { failure: { Error: error, Cause: 'No.' } });
    expect(event.resume).toEqual(resume);
    expect(message).toContain(`Published data is unchanged. ${remedy}\n`);
  });

  it.each([
    [
      'names the stack',
      EXECUTION.replace(/AccountExport:run-1$/, 'Data-Accounts:run-2'),
      { resume: 'run-1' },
      'resume run-2 --stack Data/Accounts',
    ],
    [
      'resumes a failed publication by its own id',
      EXECUTION.replace(/run-1$/, 'run-2'),
      { publish: 'run-1' },
      'resume run-2',
    ],
  ])('gives a command that %s', async (_what, execution, request, command) => {
    const failure = { Error: 'RunIncompleteError', Cause: 'No.' };
    const stack = execution.includes(':AccountExport:') ? 'AccountExport' : 'Data/Accounts';
    const { message } = await report((await planned(3)).store, { runId: 'run-2', execution, request, failure }, stack);
    expect(message).toContain(
      `\nnpx account-export ${command}\nWithout the command line: Start the state machine with {"resume":"run-1"}.\n`,
    );
  });

  it('gives no command to publish a retry after drift, because no execution has its id', async () => {
    const { steps, store, source } = setUp(25);
    const plan = await steps.plan({ onDrift: 'retry' });
    await steps.pages(plan);
    source.list[9] = account('replaced');
    await steps.finish(plan);
    await steps.plan({ onDrift: 'retry' });
    const { message } = await report(store, { failure: { Error: 'QuarantinedError', Cause: 'No.' } });
    expect(message).toContain('To publish this run:\nStart the state machine with {"publish":"run-1-retry"}.');
  });

  it('gives no command for a run on one machine', async () => {
    const failure = { Error: 'StorageError', Cause: 'No.' };
    const event = { runId: 'run-1', execution: 'local/1', request: {}, failure };
    const { message } = await reportFailure({ store: (await planned(3)).store }, event);
    expect(message).toContain('fetched again.\nStart the state machine with {"resume":"run-1"}.');
  });

  it('reports how to publish a quarantined run', async () => {
    const { steps, store, source, plan } = await planned(3);
    source.list.push(account('late'));
    const refused = (await steps.finish(plan).catch((error: Error) => error)) as Error;
    const failure = { Error: refused.name, Cause: JSON.stringify({ errorMessage: refused.message }) };
    const { event, subject, message } = await report(store, { failure });
    expect(event).toMatchObject({
      status: 'quarantined',
      error: 'DriftedError',
      publish: { publish: 'run-1' },
      consistency: { verdict: 'drifted', accountsBefore: 25, accountsAfter: 26 },
    });
    expect(subject).toBe('Account Export: Export all is quarantined');
    expect(message).toContain('Export all is quarantined: Run "run-1" is quarantined: the data changed');
    expect(message).toContain(
      'Published data is unchanged. To export again, start a new run. To publish this run:\nnpx account-export publish run-1\nWithout the command line: Start the state machine with {"publish":"run-1"}.\n',
    );
  });

  it('shows the message that Lambda reports, and never its stack', async () => {
    const Cause = JSON.stringify({
      errorType: 'RequestError',
      errorMessage: 'No export "x".',
      trace: ['at secret.ts:1'],
    });
    const found = await report(memoryStore().store, {
      execution: 'local/1',
      failure: { Error: 'RequestError', Cause },
    });
    expect(found).toMatchObject({
      error: 'RequestError',
      cause: 'No export "x".',
      subject: 'Account Export: An export failed',
      event: { exportName: null, pagesDone: 0, pages: null, resume: null, executionUrl: null },
    });
    expect(JSON.stringify(found)).not.toContain('secret.ts');
  });

  it.each([
    ['empty', ''],
    ['JSON without a message', '{"errorType":"X"}'],
    ['JSON whose message is not a text', '{"errorMessage":5}'],
  ])('uses the name of the error if the cause is %s', async (_what, Cause) => {
    const failure = { Error: 'Lambda.Unknown', Cause };
    const { message, cause } = await report(memoryStore().store, { execution: 'local/1', failure });
    expect(cause).toBe('Run "run-1" failed (Lambda.Unknown): open the execution for details.');
    expect(message).toBe(
      [
        'An export failed: Run "run-1" failed (Lambda.Unknown): open the execution for details.',
        '',
        'Run:    run-1',
        'Error:  Lambda.Unknown',
        'Pages:  not planned',
        '',
        'Published data is unchanged. When the cause is gone, start a new run.',
      ].join('\n'),
    );
  });
});

describe('the export of a run that was not planned', () => {
  const failure = { Error: 'RequestError', Cause: 'No.' };

  it.each([
    ['its name', { exportName: 'all', datasetId: 'engage' }, 'all'],
    ['its dataset', { datasetId: 'engage' }, 'engage'],
    ['no name', {}, null],
    ['no name, if the request is invalid', { exportName: 5 }, null],
    ['no name, if there is no request', null, null],
  ])('is reported by %s', async (_what, request, exportName) => {
    const { event, subject } = await report(memoryStore().store, { request, failure });
    expect(event).toMatchObject({ runId: 'run-1', exportName, pages: null, pagesDone: 0, resume: null, publish: null });
    expect(subject).toBe(`Account Export: ${exportName === null ? 'An export' : `Export ${exportName}`} failed`);
  });

  it('names the stack in the subject of an email, unless it is the default one', async () => {
    const execution = 'arn:aws:states:eu-west-1:111111111111:execution:AccountExport-acme:run-1';
    expect((await report(memoryStore().store, { execution, failure })).subject).toBe(
      'Account Export - AccountExport-acme: An export failed',
    );
  });

  it('has a long name shortened in the subject of an email', async () => {
    const { subject } = await report(memoryStore().store, { request: { exportName: 'x'.repeat(128) }, failure });
    expect(subject).toMatch(/^Account Export: Export x+$/);
    expect(subject).toHaveLength(99);
  });
});

describe('the link to the console', () => {
  it.each([
    ['arn:aws:states:eu-west-1:1:execution:e:r', 'https://eu-west-1.console.aws.amazon.com/'],
    ['arn:aws-cn:states:cn-north-1:1:execution:e:r', 'https://cn-north-1.console.amazonaws.cn/'],
    ['local/1', null],
    ['x-arn:aws:states:eu-west-1:1:execution:e:r', null],
  ])('of %s starts with %s', async (execution, start) => {
    const { event, message } = await report(memoryStore().store, { execution });
    if (start === null) expect(event.executionUrl).toBeNull();
    else {
      expect(event.executionUrl?.startsWith(start)).toBe(true);
      expect(message.endsWith(`\n\n${event.executionUrl}`)).toBe(true);
    }
  });
});
