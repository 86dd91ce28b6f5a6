import type { Catalog } from '../../functions/export/ports.ts';

/** On one machine the manifest makes a run visible to `query`, so there is nothing to add or to remove. */
export function localCatalog(): Catalog {
  return {
    check: async () => undefined,
    addRun: async () => undefined,
    removeRun: async () => undefined,
    isVisible: async () => true,
  };
}
