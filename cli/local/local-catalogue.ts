import type { Catalogue } from '../../functions/export/ports.ts';

/** On one machine a manifest is what makes a run visible, so there is nothing to add. */
export function localCatalogue(): Catalogue {
  return { addPartition: async () => undefined };
}
