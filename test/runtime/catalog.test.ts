import { afterEach, expect, it, vi } from 'vitest';
import { startSmallGlue } from '../support/small-glue.ts';

afterEach(() => {
  vi.doUnmock('node:timers/promises');
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it('logs a warning if the tables of the newest runs cannot be updated, and the run stays visible', async () => {
  const glue = await startSmallGlue(({ action }) =>
    action === 'GetPartitions' ? { status: 400, type: 'AccessDeniedException' } : undefined,
  );
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL_GLUE: glue.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    BUCKET: 'exports',
    DATABASE: 'account_export',
  }))
    vi.stubEnv(name, value);
  // Publishing waits for queries that are being planned.
  vi.doMock('node:timers/promises', () => ({ setTimeout: async () => undefined }));
  vi.resetModules();
  const { deployedCatalog } = await import('../../functions/runtime/catalog.ts');
  const { logger } = await import('../../functions/runtime/observability.ts');
  const warn = vi.spyOn(logger, 'warn').mockImplementation(() => undefined);
  const run = {
    format: 'json',
    exportName: 'all',
    exportDate: '2026-08-22',
    runId: 'run-1',
    publishedAt: '2026',
  } as const;
  try {
    await deployedCatalog().addRun(run);
  } finally {
    glue.close();
  }
  expect([...glue.partitions.keys()].at(-1)).toBe('export_runs run-1');
  expect(warn.mock.calls).toEqual([
    [
      'The previous run could not be removed from the tables of the newest runs',
      {
        errorName: 'ConfigError',
        errorMessage: expect.stringContaining(
          'Finding the newest run of "all" in account_export failed (AccessDeniedException)',
        ),
      },
    ],
  ]);
});
