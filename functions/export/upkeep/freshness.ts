/** Freshness: the age of each export's newest visible run. An alarm watches it, because a run that never starts fails nowhere. */
import * as z from 'zod';
import { NAME_PATTERN } from '../../model/export-settings.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import type { Catalog, Clock, ObjectStore } from '../ports.ts';
import { lastPublishedRun } from '../storage/published-runs.ts';

/** What *Watch exports* receives: the configured exports that have a schedule. */
export const WatchEventSchema = z.object({ exports: z.array(z.string().regex(NAME_PATTERN)) });

export interface PublishedAge {
  readonly exportName: string;
  /** Since it was published; `null` when the export has no visible run. */
  readonly hours: number | null;
}

/**
 * The age of the newest visible run of each named export.
 * @param event a `WatchEvent`
 */
export async function publishedAges(
  { store, catalog, clock }: { readonly store: ObjectStore; readonly catalog: Catalog; readonly clock: Clock },
  event: unknown,
): Promise<PublishedAge[]> {
  const { exports } = parseOrThrow(WatchEventSchema, event, 'event of Watch exports');
  return Promise.all(
    exports.map(async (exportName) => {
      const newest = await lastPublishedRun(store, exportName, ({ runId }) => catalog.isVisible(runId));
      if (!newest) return { exportName, hours: null };
      // The clock may have been set back since.
      const hours = Math.max(0, clock.now() - Date.parse(newest.publishedAt)) / 3_600_000;
      return { exportName, hours: Math.round(hours * 100) / 100 };
    }),
  );
}
