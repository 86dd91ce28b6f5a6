import type { RunToReport } from '../export/ports.ts';
import { publishRun } from '../export/publish/publish-run.ts';
import { keepReport } from '../export/report/keep-report.ts';
import { deployedApi } from '../runtime/api.ts';
import { deployedCatalog } from '../runtime/catalog.ts';
import { lambdaHandler } from '../runtime/lambda-handler.ts';
import { logger } from '../runtime/observability.ts';
import { measureAttempt, measureRun } from '../runtime/run-metrics.ts';
import { keepHeapSmall } from '../runtime/small-heap.ts';
import { deployedStore } from '../runtime/store.ts';

// The hashes of accounts need the memory.
keepHeapSmall();

/** Lambda *Publish run*: a `PublishEvent` in, a `PublishOutcome` out. */
export const handler = lambdaHandler('Publish run', async (event, signal) => {
  const store = deployedStore();
  const ports = {
    api: deployedApi(),
    store,
    catalog: deployedCatalog(),
    clock: { now: Date.now },
    measure: measureAttempt,
    onPublished: (published: RunToReport) =>
      keepReport(store, published, (error) =>
        logger.warn('The run is published, but its report or history could not be written.', {
          errorName: error instanceof Error ? error.name : 'Error',
        }),
      ),
  };
  const result = await publishRun(ports, event, signal);
  measureRun(result);
  if (result.status === 'drifted') return result;
  const { unmappedColumns, vanishedFields } = result;
  if (unmappedColumns.length > 0) {
    logger.warn(
      'Fields without a column in the table: the parts contain them. For CSV, append them to attributeColumns.',
      {
        unmappedColumns,
      },
    );
  }
  if (vanishedFields.length > 0) {
    logger.warn('No account has these fields now, but accounts of the last published run had them.', {
      vanishedFields,
    });
  }
  return result;
});
