import { expect, it } from 'vitest';
import { localCatalog } from '../../../cli/local/run-local.ts';
import { publishedAges } from '../../../functions/export/upkeep/freshness.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { setUp } from '../../support/stepped-run.ts';

it('publishedAges reports the hours since the last published run of each export, and null without one', async () => {
  const { api, store, steps } = setUp(25);
  await steps.all();
  const failed = runSteps(api, store, 'failed');
  await failed.pages(await failed.plan({ exportName: 'failed' }));
  const clock = { now: () => PUBLISHED_AT + 90 * 60_000 };
  expect(
    await publishedAges({ store, catalog: localCatalog(), clock }, { exports: ['all', 'never', 'failed'] }),
  ).toEqual([
    { exportName: 'all', hours: 1.5 },
    { exportName: 'never', hours: null },
    { exportName: 'failed', hours: null },
  ]);
});

it('publishedAges ignores a run whose partition could not be added', async () => {
  const { api, store } = setUp(25);
  for (const day of ['20', '21']) await runSteps(api, store, `run-${day}`).all({ dueAt: `2026-08-${day}` });
  const hoursWithout = async (...invisible: string[]) => {
    const catalog = { ...localCatalog(), isVisible: async (runId: string) => !invisible.includes(runId) };
    const [age] = await publishedAges({ store, catalog, clock: { now: () => PUBLISHED_AT } }, { exports: ['all'] });
    return age?.hours;
  };
  expect([await hoursWithout('run-21'), await hoursWithout('run-20', 'run-21')]).toEqual([0, null]);
});

it('publishedAges reports no negative hours if the clock was set back', async () => {
  const { store, steps } = setUp(25);
  await steps.all();
  const clock = { now: () => PUBLISHED_AT - 90 * 60_000 };
  expect(await publishedAges({ store, catalog: localCatalog(), clock }, { exports: ['all'] })).toEqual([
    { exportName: 'all', hours: 0 },
  ]);
});
