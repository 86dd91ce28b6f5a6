import { publishRun } from './export/publish-run.ts';
import { deployedCatalogue } from './runtime/catalogue.ts';
import { lambdaHandler } from './runtime/lambda-handler.ts';
import { deployedApi, deployedStore } from './runtime/ports.ts';

/** Lambda *Publish run*: a `PublishEvent` in, a `PublishResult` out. */
export const handler = lambdaHandler('Publish run', (event, signal) =>
  publishRun(
    { api: deployedApi(), store: deployedStore(), catalogue: deployedCatalogue(), clock: { now: Date.now } },
    event,
    signal,
  ),
);
