import { type ExportFormat, type Manifest, ManifestSchema } from '../contracts.ts';
import { manifestKey, tablePrefix } from './layout.ts';
import type { ObjectStore } from './ports.ts';
import { getJson } from './stored-json.ts';

const FORMATS: readonly ExportFormat[] = ['json', 'csv', 'parquet'];
/** Days are looked at from the newest on; failed runs leave days without a manifest, but not for ever. */
const MAX_DAYS = 10;

/**
 * The manifest of the run of an export that was published last, whatever its format; `undefined` where there is none
 * among the newest ten days that have parts.
 */
export async function lastPublishedRun(store: ObjectStore, exportName: string): Promise<Manifest | undefined> {
  const folders = await Promise.all(
    FORMATS.map(async (format) => {
      const prefix = `${tablePrefix(format)}export_name=${exportName}/`;
      return (await store.listFolders(prefix)).map((day) => ({ day, prefix: `${prefix}${day}/` }));
    }),
  );
  const newestFirst = folders.flat().sort((a, b) => (a.day < b.day ? 1 : -1));
  const days = [...new Set(newestFirst.map(({ day }) => day))].slice(0, MAX_DAYS);
  for (const day of days) {
    const manifests: Manifest[] = [];
    for (const { prefix } of newestFirst.filter((folder) => folder.day === day)) {
      for (const run of await store.listFolders(prefix)) {
        const manifest = await getJson(store, manifestKey(run.replace(/^run_id=/, '')), ManifestSchema);
        if (manifest) manifests.push(manifest);
      }
    }
    const newest = manifests.sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1))[0];
    if (newest) return newest;
  }
  return undefined;
}
