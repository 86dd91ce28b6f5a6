import { configDefaults, defineConfig } from 'vitest/config';
import type { Reporter, Vitest } from 'vitest/node';

const SLOW = ['test/**/*.{slow,process}.test.ts'];

/** Says what `npm test` leaves out, after its summary. */
class LeftOut implements Reporter {
  #fastOnly = false;

  onInit(vitest: Vitest): void {
    this.#fastOnly = vitest.projects.every(({ name }) => name === 'fast');
  }

  onTestRunEnd(): void {
    if (!this.#fastOnly) return;
    console.log('Left out: Trino, the fault matrix, fuzzing, memory, child processes, the examples of the docs.');
    console.log('Run them with `npm run test:slow`, or everything with coverage with `npm run test:all`.\n');
  }
}

export default defineConfig({
  test: {
    reporters: ['default', new LeftOut()],
    // By default Vitest leaves one processor unused, which is half of a small machine.
    maxWorkers: '100%',
    // Limits end a test that hangs; a busy machine is not one.
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SLOW],
          // Files share their imports, which halves the time. Tests that mock a module belong to the slow project.
          isolate: false,
          // For the same reason, a hook of a shared module runs for its first file only and can't restore these.
          unstubEnvs: true,
        },
      },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'cli/**/*.ts', 'infra/**/*.ts', 'simulator/**/*.ts'],
      reporter: ['text', 'json-summary', 'html'],
      reportOnFailure: true,
    },
  },
});
