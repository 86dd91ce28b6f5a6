import { defineConfig } from 'vitest/config';

/** `npm run e2e`: tests that need an AWS emulator. `npm test` needs only Node. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    // Each file starts an emulator, which uses all cores.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
