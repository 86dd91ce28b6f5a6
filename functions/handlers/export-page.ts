import { exportPage } from '../export/page/export-page.ts';
import { deployedApi } from '../runtime/api.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { measureAttempt } from '../runtime/run-metrics.ts';
import { deployedStore } from '../runtime/store.ts';

/** Lambda *Export page*: a `PageTask` in, the number of accounts of its part out. */
export const handler = lambdaHandler('Export page', (event, signal) =>
  exportPage(
    { api: deployedApi(), store: deployedStore(), clock: { now: Date.now }, measure: measureAttempt },
    event,
    signal,
  ),
);
