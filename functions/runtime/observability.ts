import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { METRIC_NAMESPACE } from './metric-names.ts';

const serviceName = 'account-export';

export const logger = new Logger({ serviceName });

/** Writes log lines that CloudWatch turns into metrics (EMF). */
export const metrics = new Metrics({ serviceName, namespace: METRIC_NAMESPACE });

/** Captures nothing by itself: `tracing.ts` decides what traces contain. */
export const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
