/** The tests that mutants of `functions/export/` are run against: see `stryker.config.json`. */
import { defineConfig } from 'vitest/config';

// A mutant that some run of a few schedules finds is found by any machine: the seeds are fixed.
process.env.SCHEDULES ??= '50';

export default defineConfig({
  test: {
    include: ['test/export/**/*.test.ts'],
    setupFiles: ['test/mutation.setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
