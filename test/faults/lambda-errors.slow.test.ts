/** Errors of Lambda at each task of a run: it ends published, or with a report that says what to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NOT_READY_ERRORS } from '../../functions/model/retry-policy.ts';
import type { Invoke } from './execute.ts';
import { failOnce } from './lambda-cases.ts';
import { API_STEPS, type Step } from './operations.ts';
import { checkEnded, injectFault, resumeRun } from './trial.ts';
import { makeWorld, PAGE_SIZE, REQUEST, RUN, type Source, startSource } from './world.ts';

let source: Source;
beforeAll(async () => {
  source = await startSource();
});
afterAll(() => source.close());

const ERRORS = [...NOT_READY_ERRORS, 'States.Timeout', 'Sandbox.Timedout', 'Lambda.Unknown', 'Runtime.ExitError'];

/** Fails every attempt at a step. */
const failAlways = (target: Step, name: string): Invoke => {
  return async (step, attempt, signal) => {
    if (step !== target) return attempt(signal);
    throw Object.assign(new Error(''), { name });
  };
};

describe.each(ERRORS)('%s', (name) => {
  it.each(API_STEPS)('once at %s: the run is published', async (step) => {
    const faults = { invoke: failOnce(step, name, 'after') };
    expect(await injectFault(await makeWorld(source), { faults })).toBe('published after 1 retry');
  });

  it('once at report: the run ends with its own error', async () => {
    const world = await makeWorld(source);
    source.setFault(({ page, pageSize }) => (pageSize === PAGE_SIZE && page === 3 ? { status: 404 } : undefined));
    const ended = await world.run(RUN.runId, REQUEST, { invoke: failOnce('report', name, 'before') });
    source.setFault(undefined);
    expect(ended).toMatchObject({ status: 'failed', error: 'ApiNotFoundError' });
  });

  it.each(API_STEPS)('at every attempt at %s: the run fails with a report, and can be resumed', async (step) => {
    const world = await makeWorld(source);
    const ended = await world.run(RUN.runId, REQUEST, { invoke: failAlways(step, name) });
    const expected =
      step === 'page'
        ? {
            error: 'RunIncompleteError',
            cause:
              '5 of 5 pages of run "run-1" are missing, and no cause was recorded: resume the run; if it fails again, see the map run of the execution.',
          }
        : {
            error: name,
            cause: expect.stringContaining(`Run "run-1" failed (${name}): open the execution for details.`),
          };
    expect(ended).toEqual({ status: 'failed', ...expected });
    await checkEnded(world, ended, { accept: /./ });
    await resumeRun(world);
  });
});
