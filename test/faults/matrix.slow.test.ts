/** The short form of `npm run faults`: the faults that differ most, each at each step, and the law for every one. */
import { beforeAll, expect, it } from 'vitest';
import type { Result } from './cells.ts';
import { knownDefect } from './known-defects.ts';
import { runMatrix } from './run-matrix.ts';

let results: readonly Result[] = [];
beforeAll(async () => {
  results = await runMatrix(false);
}, 600_000);

it('ends every run published and complete, or failed with a sentence and complete when started again', () => {
  const broken = results.filter((result) => result.broken !== undefined && knownDefect(result) === undefined);
  expect(broken.map(({ table, row, column, broken }) => `${table} | ${row} | ${column}: ${broken}`)).toEqual([]);
});

it.each([
  ['api', 21],
  ['store', 36],
  ['store, while a run fails', 9],
  ['killed', 4],
  ['catalog', 20],
  ['time-out', 14],
  ['invocation', 21],
  ['budget', 4],
  ['damage', 7],
  ['source', 8],
])('tries %s in %i cases at least', (table, cases) => {
  expect(results.filter((result) => result.table === table).length).toBeGreaterThanOrEqual(cases);
});

it('strikes: runs are retried, fail, are killed and go on with what is missing', () => {
  const texts = new Set(results.map(({ text }) => text));
  expect([...texts]).toEqual(
    expect.arrayContaining([
      'published',
      'published after 1 retry',
      'killed; resumed, 0 pages fetched',
      'killed; resumed, 5 pages fetched',
      'killed; resumed, 4 pages fetched',
      'failed: StorageError; resumed, 5 pages fetched',
      'failed: StorageError; resumed, 0 pages fetched',
      'failed: ApiUnavailableError; resumed, 3 pages fetched',
      'failed: RunIncompleteError; resumed, 1 page fetched',
    ]),
  );
});
