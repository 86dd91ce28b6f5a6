import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { PublishOutcome } from './contracts.ts';
import { publishRun } from './export/publish-run.ts';
import { deployedCatalogue } from './runtime/catalogue.ts';
import { lambdaHandler } from './runtime/lambda-handler.ts';
import { logger, metrics } from './runtime/observability.ts';
import { deployedApi, deployedStore } from './runtime/ports.ts';

/** Lambda *Publish run*: a `PublishEvent` in, a `PublishOutcome` out. */
export const handler = lambdaHandler('Publish run', async (event, signal) => {
  const ports = {
    api: deployedApi(),
    store: deployedStore(),
    catalogue: deployedCatalogue(),
    clock: { now: Date.now },
  };
  const result = await publishRun(ports, event, signal);
  measure(result);
  if (result.status === 'drifted') return result;
  const { unmappedColumns } = result;
  if (unmappedColumns.length > 0) logger.warn('Fields that the table does not declare', { unmappedColumns });
  return result;
});

/** Whether the source held still, as figures that can be drawn and watched. */
function measure({ exportName, accounts, consistency }: PublishOutcome): void {
  metrics.addDimension('export', exportName);
  metrics.addMetric('Accounts', MetricUnit.Count, accounts);
  metrics.addMetric('Drifted', MetricUnit.Count, consistency.verdict === 'drifted' ? 1 : 0);
  metrics.addMetric('SeamsMoved', MetricUnit.Count, consistency.seamsMoved);
  metrics.publishStoredMetrics();
}
