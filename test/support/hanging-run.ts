/** A run that finishes three of its eight pages and then waits for answers until it is stopped; resumed, it ends. */
import type { Simulator, SimulatorOptions } from '../../simulator/simulator.ts';

const HANGING_PAGES = [3, 4, 5, 6, 7];

export const hangingRun: SimulatorOptions = {
  accounts: 4000,
  faults: [{ fault: 'hang', minPageSize: 500, pages: HANGING_PAGES }],
};

/** Whether every page that hangs has been requested, so that it answers the next time. */
export function isHanging({ requests }: Pick<Simulator, 'requests'>): boolean {
  return HANGING_PAGES.every((hanging) => requests.some(({ pageSize, page }) => pageSize === 500 && page === hanging));
}
