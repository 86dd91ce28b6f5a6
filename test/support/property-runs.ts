export const propertyRuns = (fast: number, full: number) => (process.env.TEST_ALL === '1' ? full : fast);
