import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { DEFAULT_STACK_NAME } from '../model/stack-name.ts';
import { DIMENSIONS, METRIC_NAMESPACE, STACK_VARIABLE } from './metric-names.ts';

const serviceName = 'account-export';

export const logger = new Logger({ serviceName });

/** Writes log lines that CloudWatch turns into metrics (EMF), each with its stack, so that two stacks have two metrics. */
export const metrics = new Metrics({
  serviceName,
  namespace: METRIC_NAMESPACE,
  defaultDimensions: { [DIMENSIONS.stack]: process.env[STACK_VARIABLE] ?? DEFAULT_STACK_NAME },
});

/** Captures nothing by itself: `tracing.ts` decides what traces contain. */
export const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
