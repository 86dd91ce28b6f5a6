/** Verdicts over data that changes during the run: a run that lost an account that existed throughout must not be called consistent. */
import { describe, expect, it } from 'vitest';
import { type DriftRun, runUnderSchedule, THEMES } from '../../support/drift-simulation.ts';
import { propertyRuns } from '../../support/property-runs.ts';

/** Seeds are 1 to this. */
const SCHEDULES = Number(process.env.DRIFT_SCHEDULES ?? propertyRuns(225, 20_000));

function figuresOf(runs: readonly DriftRun[]) {
  const count = (matches: (run: DriftRun) => boolean) => runs.filter(matches).length;
  return {
    runs: runs.length,
    lost: count(({ lost }) => lost > 0),
    wronglyConsistent: count(({ lost, verdict }) => lost > 0 && verdict === 'consistent'),
    unverified: count(({ verdict }) => verdict === 'unverified'),
    failed: count(({ verdict }) => verdict === 'failed'),
    consistent: count(({ verdict }) => verdict === 'consistent'),
    falseAlarms: count(({ moved, verdict }) => !moved && verdict !== 'consistent'),
  };
}

/**
 * Two accounts within pages change places, and one changes its name at the same time: no count, duplicate or page boundary
 * shows it, and only reading every page again would. So `consistent` is evidence, not proof.
 */
const hasSwapWithRename = ({ theme }: DriftRun) => THEMES[theme]?.includes('swapWithRename') === true;

describe(`the verdict in ${SCHEDULES} random schedules`, () => {
  it('is "consistent" for fewer than 1 in 10,000 runs that lost an account, and for every run without changes', async () => {
    const runs: DriftRun[] = [];
    for (let seed = 1; seed <= SCHEDULES; seed++) runs.push(await runUnderSchedule(seed));
    const themes = Object.keys(THEMES).map((theme) => [theme, figuresOf(runs.filter((run) => run.theme === theme))]);
    const all = figuresOf(runs);
    console.table(Object.fromEntries([...themes, ['all', all]]));

    expect(all.falseAlarms).toBe(0);
    expect(figuresOf(runs.filter(({ theme }) => theme === 'plain inserts and deletes')).wronglyConsistent).toBe(0);
    const visible = figuresOf(runs.filter((run) => !hasSwapWithRename(run)));
    expect(visible.wronglyConsistent).toBeLessThanOrEqual(visible.lost / 10_000);
    const hidden = figuresOf(runs.filter(hasSwapWithRename));
    expect(hidden.wronglyConsistent).toBeLessThanOrEqual(Math.max(5, hidden.lost / 10));
    // The schedules are hard: many runs lose accounts, many come through, and the largest have 60 pages.
    expect(all.lost).toBeGreaterThan(SCHEDULES / 20);
    expect(all.consistent).toBeGreaterThan(SCHEDULES / 10);
    expect(Math.max(...runs.map(({ pages }) => pages))).toBeGreaterThan(50);
  }, 3_600_000);
});
