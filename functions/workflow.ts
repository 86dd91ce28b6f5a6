/**
 * The state machine: `cdk synth` deploys the definition that `run` executes on one machine.
 *
 * It is plain Amazon States Language (JSONPath) from a pure function, because a local run cannot wait for a synth.
 */

import { taskRetries } from './model/retry-policy.ts';
import { DEFAULT_STACK_NAME, titleOf } from './model/stack-name.ts';

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

/** The timeout of each task's Lambda. A page takes seconds; exporting a long tail may take minutes. */
export const LAMBDA_TIMEOUT_SECONDS: Readonly<Record<TaskName, number>> = {
  planExport: 300,
  exportPage: 900,
  publishRun: 900,
  reportFailure: 120,
};

/** The state machine waits longer than the Lambda runs: a task that times out has lost its Lambda's answer. */
const ANSWER_SECONDS = 60;

/** A run that takes longer is stuck, or can be resumed. */
export const RUN_TIMEOUT_SECONDS = 86_400;

export interface WorkflowOptions {
  /** The ARN of each task's Lambda. */
  readonly resources: Readonly<Record<TaskName, string>>;
  /** Pages in flight at once. */
  readonly concurrency: number;
  /** The SNS topic for failures. */
  readonly topicArn: string;
  /** What emails call the product. @default `Account Export` */
  readonly title?: string;
  /** The AWS partition, part of the ARNs of service integrations. @default `aws` */
  readonly partition?: string;
  /** How often transient errors of a task are retried. @default as in `RETRY_POLICY` */
  readonly retries?: number;
  /** The timeout of the run and of each attempt at a task. @default a day, and a minute more than the task's Lambda has */
  readonly timeoutSeconds?: number;
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

interface ServiceCall {
  readonly comment: string;
  /** The ARN of a service integration. */
  readonly resource: string;
  readonly parameters: object;
  readonly next: string;
}

/** Calls a service about the end of a run. If that fails, the run still ends as it did. */
function callService({ comment, resource, parameters, next }: ServiceCall) {
  return {
    Type: 'Task',
    Comment: comment,
    Resource: resource,
    TimeoutSeconds: ANSWER_SECONDS,
    Parameters: parameters,
    ResultPath: null,
    Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 5 }],
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: next }],
    Next: next,
  };
}

/** The workflow's definition as a plain object, ready for `JSON.stringify`. */
export function exportWorkflow(options: WorkflowOptions) {
  const { resources, concurrency, topicArn, retries, timeoutSeconds } = options;
  const { partition = 'aws', title = titleOf(DEFAULT_STACK_NAME) } = options;
  const task = (name: TaskName) => ({
    Type: 'Task',
    Resource: resources[name],
    TimeoutSeconds: timeoutSeconds ?? LAMBDA_TIMEOUT_SECONDS[name] + ANSWER_SECONDS,
    Retry: taskRetries(retries),
  });
  /** Sends an event to the default event bus. @param detail a JSONPath */
  const announce = (detailType: string, detail: string, next: string, more = '') =>
    callService({
      comment: `Sends the event "${detailType}" (source ${EVENT_SOURCE})${more}.`,
      resource: `arn:${partition}:states:::events:putEvents`,
      parameters: { Entries: [{ Source: EVENT_SOURCE, DetailType: detailType, 'Detail.$': detail }] },
      next,
    });
  const notify = (comment: string, email: object, next: string) =>
    callService({
      comment,
      resource: `arn:${partition}:states:::sns:publish`,
      parameters: { TopicArn: topicArn, ...email },
      next,
    });
  return {
    Comment:
      'Exports the accounts of one dataset: plans the pages, exports each, verifies and publishes the run. Start it with {"exportName":"<name of a configured export>"}',
    StartAt: STATES.plan,
    TimeoutSeconds: timeoutSeconds ?? RUN_TIMEOUT_SECONDS,
    States: {
      [STATES.plan]: {
        ...task('planExport'),
        Comment: 'Takes the locks, counts the accounts, and lists the pages.',
        Parameters: {
          'runId.$': '$$.Execution.Name',
          'execution.$': '$$.Execution.Id',
          'startedAt.$': '$$.Execution.StartTime',
          'request.$': '$$.Execution.Input',
          concurrency,
        },
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
      [STATES.announceSkipped]: announce(EVENT_TYPES.skipped, '$', STATES.skipped),
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
            [STATES.page]: { ...task('exportPage'), End: true },
          },
        },
        ResultPath: null,
        Catch: CATCH,
        Next: STATES.publish,
      },
      [STATES.publish]: {
        ...task('publishRun'),
        Comment: 'Verifies the run, writes its manifest, and adds its Glue partition.',
        Parameters: { 'run.$': '$.run', 'execution.$': '$.execution', 'outcome.$': '$.outcome' },
        Catch: CATCH,
        Next: STATES.outcome,
      },
      [STATES.outcome]: {
        Type: 'Choice',
        Comment: 'If the data changed and onDrift is "retry", the run is exported again.',
        Choices: [{ Variable: '$.status', StringEquals: 'drifted', Next: STATES.plan }],
        Default: STATES.announcePublished,
      },
      [STATES.announcePublished]: announce(
        EVENT_TYPES.published,
        '$',
        STATES.published,
        ', which downstream jobs can start on',
      ),
      [STATES.published]: { Type: 'Succeed' },
      [STATES.report]: {
        ...task('reportFailure'),
        Comment: 'Finds the error to report, and writes the event and the email.',
        Parameters: {
          'runId.$': '$$.Execution.Name',
          'execution.$': '$$.Execution.Id',
          'request.$': '$$.Execution.Input',
          'failure.$': '$',
        },
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.notifyWithoutReport }],
        Next: STATES.announceFailed,
      },
      [STATES.announceFailed]: announce(EVENT_TYPES.failed, '$.event', STATES.notify),
      [STATES.notify]: notify(
        'Publishes the failure to the SNS topic, which sends emails.',
        { 'Subject.$': '$.subject', 'Message.$': '$.message' },
        STATES.failed,
      ),
      [STATES.notifyWithoutReport]: notify(
        'Publishes a short notification if the report itself failed.',
        {
          Subject: `${title}: a run failed`,
          'Message.$':
            "States.Format('Run {} failed, and its failure report could not be written. Published data is unchanged. See the execution: {}', $$.Execution.Name, $$.Execution.Id)",
        },
        STATES.failedWithoutReport,
      ),
      [STATES.failedWithoutReport]: {
        Type: 'Fail',
        Error: 'RunFailed',
        Cause: 'The run failed, and its failure report could not be written: see the history of the execution.',
      },
      [STATES.failed]: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
    },
  };
}
