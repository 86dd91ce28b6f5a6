/** Published runs become visible again from their manifests and parts. */
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { PublishedRun } from '../../../functions/export/ports.ts';
import { reattachRuns } from '../../../functions/export/publish/reattach.ts';
import type { Manifest } from '../../../functions/model/manifest.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { publishedManifest } from '../planned-run.ts';

/** Published runs with as many parts as given, in a catalog that misses some of them. */
function published(...runs: readonly (readonly [more: Partial<Manifest>, parts: readonly string[]])[]) {
  const { store, objects } = memoryStore();
  for (const [more, parts] of runs) {
    const manifest = publishedManifest({ pages: 1, ...more });
    objects.set(`export_runs/run_id=${manifest.runId}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
    const folder = `accounts_${manifest.format}/export_name=all/export_date=2026-08-22/run_id=${manifest.runId}/`;
    parts.forEach((text, page) => void objects.set(`${folder}part-0000${page}.gz`, gzipSync(text)));
  }
  const added: (readonly PublishedRun[])[] = [];
  const reattach = (missing: readonly string[], dryRun = false) => {
    const catalog = {
      missingRuns: async <T extends { runId: string }>(all: readonly T[]) =>
        all.filter(({ runId }) => missing.includes(runId)),
      addMissingRuns: async (all: readonly PublishedRun[]) => void added.push(all),
    };
    return reattachRuns({ store, catalog }, dryRun);
  };
  return { reattach, added };
}

it('adds nothing if queries see all runs, or in a dry run', async () => {
  const { reattach, added } = published([{ runId: 'a' }, ['x']], [{ runId: 'b' }, ['x']]);
  expect(await reattach([])).toEqual({ runs: 2, missing: [], incomplete: [] });
  expect(await reattach(['a'], true)).toEqual({ runs: 2, missing: ['a'], incomplete: [] });
  expect(added).toEqual([]);
});

it('adds the missing runs that are complete, together with those that queries see', async () => {
  const { reattach, added } = published(
    [{ runId: 'a' }, ['x']],
    [{ runId: 'b', pages: 2 }, ['x']],
    [{ runId: 'c', pages: 2 }, ['x', 'y']],
  );
  expect(await reattach(['b', 'c'])).toEqual({ runs: 3, missing: ['b', 'c'], incomplete: ['b'] });
  expect(added.map((runs) => runs.map(({ runId }) => runId))).toEqual([['a', 'c']]);
});

it('adds nothing if all missing runs are incomplete', async () => {
  const { reattach, added } = published([{ runId: 'a' }, []], [{ runId: 'b' }, ['x']]);
  expect(await reattach(['a'])).toEqual({ runs: 2, missing: ['a'], incomplete: ['a'] });
  expect(added).toEqual([]);
});

it.each([
  [
    ['region', 'zone'],
    ['name', 'superseded'],
  ],
  [[], ['name', 'superseded', 'region', 'zone']],
  [['name'], []],
])(
  'the columns of a CSV run are those of its part before the ones without a mapping (%j)',
  async (unmapped, columns) => {
    const part = 'name,superseded,region,zone\nAcme,,EU,1\n';
    const { reattach, added } = published([{ runId: 'a', format: 'csv', unmappedColumns: unmapped }, [part]]);
    await reattach(['a']);
    expect(added).toMatchObject([[{ runId: 'a', csvColumns: columns }]]);
  },
);

it('a JSON run, and a CSV run without parts, have no columns', async () => {
  const { reattach, added } = published([{ runId: 'a' }, ['{}']], [{ runId: 'b', format: 'csv', pages: 0 }, []]);
  await reattach(['a', 'b']);
  expect(added.flat().map(({ runId, csvColumns }) => [runId, csvColumns])).toEqual([
    ['a', undefined],
    ['b', undefined],
  ]);
});
