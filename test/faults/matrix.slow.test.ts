/** The short form of `npm run faults`: the most different faults, at each step. */
import { beforeAll, expect, it } from 'vitest';
import type { Result } from './cells.ts';
import { runMatrix } from './run-matrix.ts';

let results: readonly Result[] = [];
beforeAll(async () => {
  results = await runMatrix(false);
}, 1_200_000);

it('publishes each run completely, or fails it with an error and publishes it after it is resumed', () => {
  const broken = results.filter((result) => result.broken !== undefined);
  expect(broken.map(({ table, row, column, broken }) => `${table} | ${row} | ${column}: ${broken}`)).toEqual([]);
});

it.each([
  ['api', 21],
  ['store', 36],
  ['store, failing run', 9],
  ['killed', 4],
  ['catalog', 20],
  ['timeout', 14],
  ['invocation', 27],
  ['budget', 4],
  ['budget, API failure', 3],
  ['budget, repeated kills', 2],
  ['budget, situation', 4],
  ['damage', 7],
  ['drift', 6],
  ['restart, running', 9],
  ['restart, published', 8],
  ['restart, quarantined', 4],
])('runs the cases of "%s", at least %i', (table, cases) => {
  expect(results.filter((result) => result.table === table).length).toBeGreaterThanOrEqual(cases);
});

it('injects faults that are retried, that fail runs, and that kill them', () => {
  expect([...new Set(results.map(({ text }) => text))]).toEqual(
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
