import { reportFailure } from '../export/report/report-failure.ts';
import { commandLineEnvironment } from '../runtime/environment.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { measureFailure } from '../runtime/run-metrics.ts';
import { deployedStore } from '../runtime/store.ts';

/** Lambda *Report failure*: what Catch caught in, a `FailureReport` out. It has no access to the API key. */
export const handler = lambdaHandler('Report failure', async (event, signal) => {
  const report = await reportFailure({ store: deployedStore(), commandLine: commandLineEnvironment() }, event, signal);
  measureFailure(report);
  return report;
});
