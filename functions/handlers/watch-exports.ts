import { publishedAges } from '../export/upkeep/freshness.ts';
import { deployedCatalog } from '../runtime/catalog.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { measureAges } from '../runtime/run-metrics.ts';
import { deployedStore } from '../runtime/store.ts';

/** Lambda *Watch exports*, once an hour: a `WatchEvent` in, the ages of the newest published runs out. */
export const handler = lambdaHandler('Watch exports', async (event) => {
  const ages = await publishedAges(
    { store: deployedStore(), catalog: deployedCatalog(), clock: { now: Date.now } },
    event,
  );
  measureAges(ages);
  return ages;
});
