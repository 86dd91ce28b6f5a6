/** The last published runs of an export, for its reports. */
import { describe, expect, it } from 'vitest';
import { addToHistory, type PublishedFigures, readHistory } from '../../../functions/export/storage/run-history.ts';
import { memoryStore } from '../../support/memory-store.ts';

const KEY = 'work/export_name=all/history.json';

function figuresOf(runId: string): PublishedFigures {
  return { runId, publishedAt: '2026-08-22T02:00:00.000Z', accounts: 3, verdict: 'consistent' };
}

const idsOf = async (store: ReturnType<typeof memoryStore>['store']) =>
  (await readHistory(store, 'all'))?.runs.map(({ runId }) => runId);

it('the history of an export grows by one run at a time', async () => {
  const { store } = memoryStore();
  expect(await readHistory(store, 'all')).toBeUndefined();
  for (const runId of ['a', 'b']) {
    await addToHistory(store, 'all', (before) => ({ version: 1, runs: [...(before?.runs ?? []), figuresOf(runId)] }));
  }
  expect(await idsOf(store)).toEqual(['a', 'b']);
});

/** Adds a run while other runs are published meanwhile, as many as `others`. */
async function addedNextTo(others: number) {
  const { store } = memoryStore();
  let attempts = 0;
  const history = await addToHistory(
    {
      ...store,
      put: async (...args) => {
        if (attempts++ < others) await write(store, `other-${attempts}`);
        return store.put(...args);
      },
    },
    'all',
    (before) => ({ version: 1, runs: [...(before?.runs ?? []), figuresOf('own')] }),
  );
  return { attempts, kept: await idsOf(store), returned: history.runs.map(({ runId }) => runId) };
}

async function write(store: ReturnType<typeof memoryStore>['store'], runId: string): Promise<void> {
  const runs = [...((await readHistory(store, 'all'))?.runs ?? []), figuresOf(runId)];
  await store.put(KEY, Buffer.from(JSON.stringify({ version: 1, runs })));
}

describe('a run that is published next to others', () => {
  it('is added after them', async () => {
    expect(await addedNextTo(2)).toEqual({
      attempts: 3,
      kept: ['other-1', 'other-2', 'own'],
      returned: ['other-1', 'other-2', 'own'],
    });
  });

  it('is left out of the history when there are too many, but not of its own report', async () => {
    expect(await addedNextTo(3)).toEqual({
      attempts: 3,
      kept: ['other-1', 'other-2', 'other-3'],
      returned: ['other-1', 'other-2', 'own'],
    });
  });
});

describe('a damaged history', () => {
  const run = figuresOf('a');
  it.each([
    ['not JSON', '{'],
    ['another version', JSON.stringify({ version: 2, runs: [run] })],
    ['no runs', JSON.stringify({ version: 1 })],
    ['a run without its figures', JSON.stringify({ version: 1, runs: [{}] })],
    ['an unknown verdict', JSON.stringify({ version: 1, runs: [{ ...run, verdict: 'fine' }] })],
    ['a coverage without its fields', JSON.stringify({ version: 1, runs: [run], coverage: {} })],
  ])('is no history (%s)', async (_what, text) => {
    const { store, objects } = memoryStore();
    objects.set(KEY, Buffer.from(text));
    expect(await readHistory(store, 'all')).toBeUndefined();
  });
});

it.each(['consistent', 'drifted', 'unverified'] as const)('a run in the history may be %s', async (verdict) => {
  const { store, objects } = memoryStore();
  const run = { ...figuresOf('a'), verdict };
  objects.set(KEY, Buffer.from(JSON.stringify({ version: 1, runs: [run] })));
  expect((await readHistory(store, 'all'))?.runs).toEqual([run]);
});
