/** The tests that `npm run mutate` runs against each mutant of `functions/export/`: see `stryker.config.json`. */
import { configDefaults, defineConfig } from 'vitest/config';

// The seeds are fixed, so a few drift schedules give the same score on every machine.
process.env.SCHEDULES ??= '50';

export default defineConfig({
  test: {
    include: ['test/export/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/**/*.{slow,process}.test.ts'],
    setupFiles: ['test/mutation.setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
