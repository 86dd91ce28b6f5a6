import { expect, it } from 'vitest';
import { publishedAges } from '../../../functions/export/upkeep/freshness.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { setUp } from '../../support/stepped-run.ts';

it('publishedAges reports the hours since the last published run of each export, and null without one', async () => {
  const { api, store, steps } = setUp(25);
  await steps.all();
  const failed = runSteps(api, store, 'failed');
  await failed.pages(await failed.plan({ exportName: 'failed' }));
  const clock = { now: () => PUBLISHED_AT + 90 * 60_000 };
  expect(await publishedAges({ store, clock }, { exports: ['all', 'never', 'failed'] })).toEqual([
    { exportName: 'all', hours: 1.5 },
    { exportName: 'never', hours: null },
    { exportName: 'failed', hours: null },
  ]);
});
