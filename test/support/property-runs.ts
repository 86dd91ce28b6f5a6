/** The number of cases a property test runs: `fast` on every change, `full` in `npm run test:all`. */
export const propertyRuns = (fast: number, full: number): number => (process.env.TEST_ALL === '1' ? full : fast);
