import { expireRuns } from './export/expire-runs.ts';
import { deployedCatalogue } from './runtime/catalogue.ts';
import { retentionEnvironment } from './runtime/environment.ts';
import { lambdaHandler } from './runtime/lambda-handler.ts';
import { deployedStore } from './runtime/ports.ts';

/** Lambda *Expire runs*, once a day: whatever event in, an `Expired` out. */
export const handler = lambdaHandler('Expire runs', () =>
  expireRuns(
    { store: deployedStore(), catalogue: deployedCatalogue(), clock: { now: Date.now } },
    retentionEnvironment().RETENTION_DAYS,
  ),
);
