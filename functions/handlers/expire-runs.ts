import { expireRuns } from '../export/upkeep/retention.ts';
import { deployedCatalog } from '../runtime/catalog.ts';
import { retentionEnvironment } from '../runtime/environment.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { deployedStore } from '../runtime/store.ts';

/** Lambda *Expire runs*, once a day: any event in, an `Expired` out. */
export const handler = lambdaHandler('Expire runs', (_event, signal) =>
  expireRuns(
    { store: deployedStore(), catalog: deployedCatalog(), clock: { now: Date.now } },
    retentionEnvironment().RETENTION_DAYS,
    signal,
  ),
);
