import { planExport } from './export/plan-export.ts';
import { lambdaHandler } from './runtime/lambda-handler.ts';
import { deployedApi, deployedStore } from './runtime/ports.ts';

/** Lambda *Plan export*: a `PlanEvent` in, a `PlanResult` out. */
export const handler = lambdaHandler('Plan export', (event, signal) =>
  planExport({ api: deployedApi(), store: deployedStore() }, event, signal),
);
