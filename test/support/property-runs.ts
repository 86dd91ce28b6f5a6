/** How often a property runs: few times on every change, all with `TEST_ALL=1`. */
export const propertyRuns = (fast: number, full: number): number => (process.env.TEST_ALL === '1' ? full : fast);
