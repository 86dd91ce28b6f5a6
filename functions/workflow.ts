/**
 * The state machine: `cdk synth` deploys the definition that `run` executes on one machine.
 *
 * It is plain Amazon States Language (JSONPath) from a pure function, because a local run cannot wait for a synth.
 */

import { TRANSIENT_ERRORS } from './model/errors.ts';
import type { ExportSettings } from './model/export-settings.ts';
import { LAMBDA_ERRORS, RETRY_POLICY } from './model/retry-policy.ts';

/** The states, by the names that the console shows. */
export const STATES = {
  plan: 'Plan export',
  planned: 'Plan outcome?',
  dryRunEnd: 'Dry run',
  announceSkipped: 'Announce skipped',
  skipped: 'Skipped',
  pages: 'Export pages',
  page: 'Export page',
  publish: 'Publish run',
  outcome: 'Published or drifted?',
  announcePublished: 'Announce published',
  published: 'Published',
  report: 'Report failure',
  announceFailed: 'Announce failed',
  notify: 'Notify',
  failed: 'Run failed',
  notifyWithoutReport: 'Notify without report',
  failedWithoutReport: 'Run failed without report',
} as const;

/** The name of the Distributed Map's children in metrics and permissions. */
export const MAP_LABEL = 'Pages';

/** The tasks of the workflow: each is a Lambda on AWS and a function on one machine. */
export type TaskName = 'planExport' | 'exportPage' | 'publishRun' | 'reportFailure';

export interface WorkflowOptions {
  /** The ARN of each task's Lambda. */
  readonly resources: Readonly<Record<TaskName, string>>;
  /** The configured exports, part of the definition because 4 KB of environment would not hold them. */
  readonly exports: readonly ExportSettings[];
  /** Pages in flight at once. */
  readonly concurrency: number;
  /** The SNS topic for failures. */
  readonly topicArn: string;
  /** How often a task is retried. @default as in `RETRY_POLICY` */
  readonly retries?: number;
  /** The timeout of one attempt at a task. @default the timeout of its Lambda */
  readonly taskTimeoutSeconds?: number;
}

/** The events on the default event bus (`docs/operations.md`). */
export const EVENT_SOURCE = 'account-export';
export const EVENT_TYPES = {
  published: 'Export run published',
  skipped: 'Export run skipped',
  failed: 'Export run failed',
} as const;

/** States that announce how a run ended. On one machine they do nothing. */
export const ANNOUNCING_STATES = [
  STATES.announcePublished,
  STATES.announceSkipped,
  STATES.announceFailed,
  STATES.notify,
  STATES.notifyWithoutReport,
] as const;

const CATCH = [{ ErrorEquals: ['States.ALL'], Next: STATES.report }];

const SDK_RETRY = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 5 }];

interface Announcement {
  readonly detailType: string;
  /** A JSONPath. */
  readonly detail: string;
  readonly next: string;
  readonly comment?: string;
}

/** Sends an event about the end of a run to the default event bus. If that fails, the run still ends as it did. */
function announce({ detailType, detail, next, comment = '' }: Announcement) {
  return {
    Type: 'Task',
    Comment: `Sends the event "${detailType}" (source ${EVENT_SOURCE})${comment}.`,
    Resource: 'arn:aws:states:::events:putEvents',
    Parameters: { Entries: [{ Source: EVENT_SOURCE, DetailType: detailType, 'Detail.$': detail }] },
    ResultPath: null,
    Retry: SDK_RETRY,
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: next }],
    Next: next,
  };
}

/** The workflow's definition as a plain object, ready for `JSON.stringify`. */
export function exportWorkflow(options: WorkflowOptions) {
  const { resources, exports, concurrency, topicArn, retries, taskTimeoutSeconds } = options;
  const LIMIT = taskTimeoutSeconds === undefined ? {} : { TimeoutSeconds: taskTimeoutSeconds };
  const MaxAttempts = retries ?? RETRY_POLICY.MaxAttempts;
  const RETRY = [{ ErrorEquals: [...TRANSIENT_ERRORS, ...LAMBDA_ERRORS], ...RETRY_POLICY, MaxAttempts }];
  const example = JSON.stringify({ exportName: exports[0]?.name ?? 'name' });
  return {
    Comment: `Exports the accounts of one dataset: plans the pages, exports each, verifies and publishes the run. Start it with ${example}`,
    StartAt: STATES.plan,
    States: {
      [STATES.plan]: {
        Type: 'Task',
        Comment: 'Takes the locks, counts the accounts, and lists the pages.',
        Resource: resources.planExport,
        ...LIMIT,
        Parameters: {
          'runId.$': '$$.Execution.Name',
          'execution.$': '$$.Execution.Id',
          'startedAt.$': '$$.Execution.StartTime',
          'request.$': '$$.Execution.Input',
          exports,
          concurrency,
        },
        Retry: RETRY,
        Catch: CATCH,
        Next: STATES.planned,
      },
      [STATES.planned]: {
        Type: 'Choice',
        Choices: [
          { Variable: '$.outcome', StringEquals: 'dryRun', Next: STATES.dryRunEnd },
          { Variable: '$.outcome', StringEquals: 'skipped', Next: STATES.announceSkipped },
          { Variable: '$.outcome', StringEquals: 'publishOnly', Next: STATES.publish },
        ],
        Default: STATES.pages,
      },
      [STATES.dryRunEnd]: { Type: 'Succeed', Comment: 'The output is the plan; nothing was exported.' },
      [STATES.announceSkipped]: announce({
        detailType: EVENT_TYPES.skipped,
        detail: '$',
        next: STATES.skipped,
      }),
      [STATES.skipped]: { Type: 'Succeed', Comment: 'Another run holds the lock; the output names it.' },
      [STATES.pages]: {
        Type: 'Map',
        Comment: 'One child execution per page; any failure fails the run.',
        Label: MAP_LABEL,
        ItemsPath: '$.pageNumbers',
        ItemSelector: { 'page.$': '$$.Map.Item.Value', 'run.$': '$.run', 'execution.$': '$.execution' },
        MaxConcurrency: concurrency,
        ToleratedFailurePercentage: 0,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: STATES.page,
          States: {
            [STATES.page]: { Type: 'Task', Resource: resources.exportPage, ...LIMIT, Retry: RETRY, End: true },
          },
        },
        ResultPath: null,
        Catch: CATCH,
        Next: STATES.publish,
      },
      [STATES.publish]: {
        Type: 'Task',
        Comment: 'Verifies the run, writes its manifest, and adds its Glue partition.',
        Resource: resources.publishRun,
        ...LIMIT,
        Parameters: { 'run.$': '$.run', 'execution.$': '$.execution', 'outcome.$': '$.outcome' },
        Retry: RETRY,
        Catch: CATCH,
        Next: STATES.outcome,
      },
      [STATES.outcome]: {
        Type: 'Choice',
        Comment: 'If the data changed and onDrift is "retry", the run is exported again.',
        Choices: [{ Variable: '$.status', StringEquals: 'drifted', Next: STATES.plan }],
        Default: STATES.announcePublished,
      },
      [STATES.announcePublished]: announce({
        detailType: EVENT_TYPES.published,
        detail: '$',
        next: STATES.published,
        comment: ', which downstream jobs can start on',
      }),
      [STATES.published]: { Type: 'Succeed' },
      [STATES.report]: {
        Type: 'Task',
        Comment: 'Finds the error to report, and writes the event and the email.',
        Resource: resources.reportFailure,
        ...LIMIT,
        Parameters: {
          'runId.$': '$$.Execution.Name',
          'execution.$': '$$.Execution.Id',
          'request.$': '$$.Execution.Input',
          'failure.$': '$',
        },
        Retry: RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.notifyWithoutReport }],
        Next: STATES.announceFailed,
      },
      [STATES.announceFailed]: announce({
        detailType: EVENT_TYPES.failed,
        detail: '$.event',
        next: STATES.notify,
      }),
      [STATES.notify]: {
        Type: 'Task',
        Comment: 'Publishes the failure to the SNS topic, which sends emails.',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: { TopicArn: topicArn, 'Subject.$': '$.subject', 'Message.$': '$.message' },
        ResultPath: null,
        Retry: SDK_RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.failed }],
        Next: STATES.failed,
      },
      [STATES.notifyWithoutReport]: {
        Type: 'Task',
        Comment: 'Publishes a short notification if the report itself failed.',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: {
          TopicArn: topicArn,
          Subject: 'Account Export: a run failed',
          'Message.$':
            "States.Format('Run {} failed, and its failure report could not be written. Published data is unchanged. See the execution: {}', $$.Execution.Name, $$.Execution.Id)",
        },
        ResultPath: null,
        Retry: SDK_RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.failedWithoutReport }],
        Next: STATES.failedWithoutReport,
      },
      [STATES.failedWithoutReport]: {
        Type: 'Fail',
        Error: 'RunFailed',
        Cause: 'The run failed, and its failure report could not be written: see the history of the execution.',
      },
      [STATES.failed]: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
    },
  };
}
