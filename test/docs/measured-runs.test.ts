/** Repeats the measured runs of `docs/cost.md`. */
import { describe, expect, it } from 'vitest';
import { COUNTED, countsTable, measureRuns } from './measured-runs.ts';
import { page } from './page.ts';

// In parallel, since each run waits for queries when it is published.
const measured = (await Promise.all(COUNTED.map((accounts) => measureRuns(accounts)))).flat();

describe('measured runs', () => {
  it('match docs/cost.md (node test/docs/write-measured-runs.ts updates it)', () => {
    expect(page('cost').text).toContain(countsTable(measured));
  });

  it('use what the estimate of a later run says, except for a few records and requests of the verification', () => {
    for (const { run, items } of measured) {
      if (run !== 'later') continue;
      for (const { item, estimated, used } of items) {
        const tolerance = /requests to the API|records/.test(item) ? 26 : 0;
        expect(estimated - used, item).toBeGreaterThanOrEqual(0);
        expect(estimated - used, item).toBeLessThanOrEqual(tolerance);
      }
    }
  });

  it('write about 950 of the estimated 4,000 bytes of logs per page themselves', () => {
    const [small = 0, large = 0] = measured
      .filter(({ run }) => run === 'later')
      .map(({ used }) => Buffer.byteLength(used.printed));
    const perPage = (large - small) / 90;
    expect(perPage).toBeGreaterThan(850);
    expect(perPage).toBeLessThan(1050);
  });
});
