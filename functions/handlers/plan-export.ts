import { planExport } from '../export/plan/plan-export.ts';
import { deployedApi } from '../runtime/api.ts';
import { deployedCatalog } from '../runtime/catalog.ts';
import { configuredExports } from '../runtime/configured-exports.ts';
import { deployedExecutions } from '../runtime/executions.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { measureAttempt } from '../runtime/run-metrics.ts';
import { deployedStore } from '../runtime/store.ts';

/** Lambda *Plan export*: a `PlanEvent` in, a `PlanOutcome` out. */
export const handler = lambdaHandler('Plan export', (event, signal) =>
  planExport(
    {
      api: deployedApi(),
      store: deployedStore(),
      catalog: deployedCatalog(),
      executions: deployedExecutions(),
      exports: configuredExports(),
      measure: measureAttempt,
    },
    event,
    signal,
  ),
);
