import { describe, expect, it } from 'vitest';
import { publishedAges } from '../../../functions/export/upkeep/freshness.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { setUp } from '../../support/stepped-run.ts';

describe('publishedAges', () => {
  it('tells the hours since the newest run of each export was published, and that one never was', async () => {
    const { api, store } = setUp(25);
    await runSteps(api, store, 'run-1').all();
    const clock = { now: () => PUBLISHED_AT + 90 * 60_000 };
    expect(await publishedAges({ store, clock }, { exports: ['all', 'never'] })).toEqual([
      { exportName: 'all', hours: 1.5 },
      { exportName: 'never', hours: null },
    ]);
  });

  it('does not take a run that failed for a published one', async () => {
    const { steps, store } = setUp(25);
    await steps.pages(await steps.plan());
    const clock = { now: () => PUBLISHED_AT };
    expect(await publishedAges({ store, clock }, { exports: ['all'] })).toEqual([{ exportName: 'all', hours: null }]);
  });
});
