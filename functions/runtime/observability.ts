/** Logs, metrics and traces, made once per cold start. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Tracer } from '@aws-lambda-powertools/tracer';

const serviceName = 'account-export';

export const logger = new Logger({ serviceName });

/** Traces time and failures. Responses are never captured: they could hold account data. */
export const tracer = new Tracer({ serviceName });
