/** Logs, metrics and traces, made once per cold start. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { METRIC_NAMESPACE } from './metric-names.ts';

const serviceName = 'account-export';

export const logger = new Logger({ serviceName });

/** Figures of runs, one dimension each: the export. Written as log lines that CloudWatch reads (EMF). */
export const metrics = new Metrics({ serviceName, namespace: METRIC_NAMESPACE });

/** Captures nothing by itself: what traces hold is written in `tracing.ts`. */
export const tracer = new Tracer({ serviceName, captureHTTPsRequests: false });
