import { defineConfig } from 'vitest/config';

/** `npm run e2e`: what needs an emulator of AWS. Not part of `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    include: ['test/e2e/**/*.e2e.ts'],
    // Each file starts an emulator, and each of them wants the processors for itself.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
