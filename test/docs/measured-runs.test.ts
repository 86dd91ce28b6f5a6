/** `docs/cost.md` says what runs really take: the runs of its table are made again here. */
import { describe, expect, it } from 'vitest';
import { keptBlocks } from '../../tools/docs/made-blocks.ts';
import { COUNTED, countsTable, measureRuns } from './measured-runs.ts';
import { page, tableBelow } from './page.ts';

const PAGE = page('cost');
// Each waits, as a run does, for queries that are under way: together they wait once.
const measured = (await Promise.all(COUNTED.map((accounts) => measureRuns(accounts)))).flat();

describe('what runs really take', () => {
  it('is what the page says: npm run docs -- measure makes it so', () => {
    expect({ counted: countsTable(measured) }).toEqual(keptBlocks(PAGE.text, ['counted']));
  });

  it('is what a dry run says, to some requests: of a later run, what AWS is paid for is the same', () => {
    const later = tableBelow(PAGE, '## What runs really take').map(([what = '', , small = '', , large = '']) => {
      const [reckoned, taken] = [small, large].map((cell) => cell.replaceAll(',', '').split(' → ').map(Number));
      return { what, small: reckoned as [number, number], large: taken as [number, number] };
    });
    expect(later).toHaveLength(7);
    for (const { what, small, large } of later) {
      for (const [reckoned, taken] of [small, large]) {
        if (!/requests|records/.test(what)) expect(`${what}: ${reckoned}`).toBe(`${what}: ${taken}`);
        // The proof asks for a little more than it needs where little moved.
        expect(reckoned - taken).toBeGreaterThanOrEqual(0);
        expect(reckoned - taken).toBeLessThanOrEqual(26);
      }
    }
  });

  it('prints of a page some 950 of the 4,000 bytes of logs that are reckoned', () => {
    const [small = 0, large = 0] = measured
      .filter(({ run }) => run === 'later')
      .map(({ taken }) => Buffer.byteLength(taken.printed));
    const ofAPage = (large - small) / 90;
    expect(ofAPage).toBeGreaterThan(850);
    expect(ofAPage).toBeLessThan(1050);
  });
});
