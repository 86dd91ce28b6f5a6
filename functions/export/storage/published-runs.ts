import type { ExportFormat } from '../../model/export-settings.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { ObjectStore } from '../ports.ts';
import { manifestKey, tablePrefix } from './bucket-layout.ts';
import { getJson } from './stored-json.ts';

const FORMATS: readonly ExportFormat[] = ['json', 'csv', 'parquet'];
/** Days looked at together, the newest first: mostly the first of them has a published run. */
const DAYS_AT_ONCE = 8;

/**
 * The manifest of the run of the newest day that has a published one, whatever its format; of several that day, the one
 * published last. However many failed runs lie behind it, it is found: what is published is measured against it.
 */
export async function lastPublishedRun(store: ObjectStore, exportName: string): Promise<Manifest | undefined> {
  const folders = await Promise.all(
    FORMATS.map(async (format) => {
      const prefix = `${tablePrefix(format)}export_name=${exportName}/`;
      return (await store.listFolders(prefix)).map((day) => ({ day, prefix: `${prefix}${day}/` }));
    }),
  );
  const byDay = Map.groupBy(folders.flat(), ({ day }) => day);
  const newestFirst = [...byDay.keys()].sort().reverse();
  for (let at = 0; at < newestFirst.length; at += DAYS_AT_ONCE) {
    const days = newestFirst.slice(at, at + DAYS_AT_ONCE);
    const newest = await Promise.all(days.map((day) => newestOf(store, byDay.get(day) ?? [])));
    const found = newest.find((manifest) => manifest !== undefined);
    if (found) return found;
  }
  return undefined;
}

async function newestOf(
  store: ObjectStore,
  folders: readonly { readonly prefix: string }[],
): Promise<Manifest | undefined> {
  const runs = (await Promise.all(folders.map(({ prefix }) => store.listFolders(prefix)))).flat();
  const manifests = await Promise.all(
    runs.map((run) => getJson(store, manifestKey(run.replace(/^run_id=/, '')), ManifestSchema)),
  );
  return manifests
    .filter((manifest) => manifest !== undefined)
    .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1))[0];
}
