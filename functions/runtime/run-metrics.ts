/**
 * Metrics of runs; never account data. Each value is written twice: per export for the dashboard, and for the whole
 * stack for alarms, because an alarm cannot sum over unknown dimension values.
 */
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { AttemptFigures } from '../export/ports.ts';
import type { PublishedAge } from '../export/upkeep/freshness.ts';
import type { FailureReport, PublishOutcome, PublishResult } from '../model/outcomes.ts';
import { DIMENSIONS, METRICS } from './metric-names.ts';
import { metrics } from './observability.ts';

type Figure = readonly [
  name: (typeof METRICS)[keyof typeof METRICS],
  unit: (typeof MetricUnit)[keyof typeof MetricUnit],
  value: number,
];

export function measureRun(outcome: PublishOutcome): void {
  const { exportName, consistency } = outcome;
  const drifted: Figure = [METRICS.drifted, MetricUnit.Count, consistency.verdict === 'drifted' ? 1 : 0];
  const more: readonly Figure[] = outcome.status === 'drifted' ? [] : figuresOf(outcome);
  emit(exportName, [drifted, ...more]);
}

function figuresOf(outcome: PublishResult): Figure[] {
  return [
    [METRICS.accounts, MetricUnit.Count, outcome.accounts],
    [METRICS.pages, MetricUnit.Count, outcome.pages],
    [METRICS.bytes, MetricUnit.Bytes, outcome.bytes],
    [METRICS.recordsFetched, MetricUnit.Count, outcome.recordsFetched],
    [METRICS.seconds, MetricUnit.Seconds, outcome.seconds],
    [METRICS.quarantined, MetricUnit.Count, 0],
  ];
}

/** Called after each attempt at a page, at planning and at publishing, successful or not. */
export function measureAttempt({ exportName, usage, latencyMs }: AttemptFigures): void {
  const retries = Object.values(usage.retries).reduce((sum, count) => sum + count, 0);
  emit(exportName, [
    ...(latencyMs === undefined ? [] : [[METRICS.apiLatency, MetricUnit.Milliseconds, latencyMs] as const]),
    [METRICS.apiRequests, MetricUnit.Count, usage.apiRequests],
    [METRICS.retries, MetricUnit.Count, retries],
  ]);
  for (const [cause, count] of Object.entries(usage.retries)) {
    metrics.addDimensions({ [DIMENSIONS.export]: exportName, [DIMENSIONS.cause]: cause });
    metrics.addMetric(METRICS.retries, MetricUnit.Count, count);
    metrics.publishStoredMetrics();
  }
}

/** Measures quarantined runs; other failures have the metrics of Step Functions. */
export function measureFailure({ event }: FailureReport): void {
  if (event.status !== 'quarantined' || event.exportName === null) return;
  const drifted = event.consistency?.verdict === 'drifted' ? 1 : 0;
  emit(event.exportName, [
    [METRICS.quarantined, MetricUnit.Count, 1],
    [METRICS.drifted, MetricUnit.Count, drifted],
  ]);
}

/** Hours since each export's newest published run was due. Exports without one have no data, and their alarm reports that. */
export function measureAges(ages: readonly PublishedAge[]): void {
  for (const { exportName, hours } of ages) {
    if (hours === null) continue;
    metrics.addDimension(DIMENSIONS.export, exportName);
    metrics.addMetric(METRICS.publishedAge, MetricUnit.NoUnit, hours);
    metrics.publishStoredMetrics();
  }
}

function emit(exportName: string, figures: readonly Figure[]): void {
  for (const dimension of [exportName, undefined]) {
    if (dimension !== undefined) metrics.addDimension(DIMENSIONS.export, dimension);
    for (const [name, unit, value] of figures) metrics.addMetric(name, unit, value);
    metrics.publishStoredMetrics();
  }
}
