/**
 * The state machine, once: what `cdk synth` deploys is what `run` executes on one machine.
 *
 * It is plain Amazon States Language (JSONPath) made by a pure function, because a run's start cannot wait for a synth,
 * and because a definition that is written down twice drifts apart.
 */

import { TRANSIENT_ERRORS } from './model/errors.ts';
import type { ExportSettings } from './model/export-settings.ts';

/** The states, by the names that people see in the console. */
export const STATES = {
  plan: 'Plan export',
  planned: 'Planned?',
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
  notifyPlainly: 'Notify plainly',
  failedUnreported: 'Run failed, unreported',
} as const;

/** What the Distributed Map's children are named after: metrics and rights name them by it. */
export const MAP_LABEL = 'Pages';

/** The tasks of the workflow, each one Lambda on AWS and one function on one machine. */
export type TaskName = 'planExport' | 'exportPage' | 'publishRun' | 'reportFailure';

export interface WorkflowOptions {
  /** What runs each task: the ARNs of the Lambdas. */
  readonly resources: Readonly<Record<TaskName, string>>;
  /** The configured exports; they travel in the definition, where 4 KB of environment would not hold them. */
  readonly exports: readonly ExportSettings[];
  /** Pages in flight at once. */
  readonly concurrency: number;
  /** The SNS topic that failures go to. */
  readonly topicArn: string;
  /** How often a task is tried again. @default `RETRY_POLICY`'s */
  readonly retries?: number;
  /** How long one try of a task may take. @default as long as its Lambda may */
  readonly taskTimeoutSeconds?: number;
}

/** What events of this system are known by. Documented in `docs/operations.md`. */
export const EVENT_SOURCE = 'account-export';
export const EVENT_TYPES = {
  published: 'Export run published',
  skipped: 'Export run skipped',
  failed: 'Export run failed',
} as const;

/** States that tell others how a run ended. On one machine nobody listens. */
export const ANNOUNCING_STATES = [
  STATES.announcePublished,
  STATES.announceSkipped,
  STATES.announceFailed,
  STATES.notify,
  STATES.notifyPlainly,
] as const;

/**
 * How long a run outlasts an API that is down: waits of 10, 20, 40, 80, 160 and then 300 s at the most, each with full
 * jitter. 80 minutes at the most; 20 pages in flight outlast 20 minutes in 99 of 100 outages
 * (`docs/decisions/0006-retries.md`). The client's quick tries lie within each attempt.
 */
export const RETRY_POLICY = {
  IntervalSeconds: 10,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 20,
  JitterStrategy: 'FULL',
} as const;

/**
 * What Lambda itself fails with for reasons that pass. `Sandbox.Timedout` is a function's own timeout.
 * Source: Step Functions developer guide, "Handle transient Lambda service exceptions".
 */
const LAMBDA_ERRORS = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'Sandbox.Timedout',
] as const;

const CATCH = [{ ErrorEquals: ['States.ALL'], Next: STATES.report }];

const SDK_RETRY = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 5 }];

/** Tells the default event bus how a run ended. That this fails changes nothing about the run, so the run goes on. */
function announce(detailType: string, detail: string, next: string, exported: string) {
  return {
    Type: 'Task',
    Comment: `Event "${detailType}", source ${EVENT_SOURCE}${exported}.`,
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
    Comment: `Exports the accounts of one dataset: plans the pages, exports each, publishes the run whole or not at all. Start it with ${example}`,
    StartAt: STATES.plan,
    States: {
      [STATES.plan]: {
        Type: 'Task',
        Comment: 'Counts the accounts, pins what all pages share, lists the pages.',
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
          { Variable: '$.dryRun', BooleanEquals: true, Next: STATES.dryRunEnd },
          { Variable: '$.skipped', BooleanEquals: true, Next: STATES.announceSkipped },
          { Variable: '$.release', BooleanEquals: true, Next: STATES.publish },
        ],
        Default: STATES.pages,
      },
      [STATES.dryRunEnd]: { Type: 'Succeed', Comment: 'The plan is the output; nothing was exported.' },
      [STATES.announceSkipped]: announce(EVENT_TYPES.skipped, '$', STATES.skipped, ''),
      [STATES.skipped]: { Type: 'Succeed', Comment: 'Another run has this tick or this export; the output names it.' },
      [STATES.pages]: {
        Type: 'Map',
        Comment: 'One child execution per page; none may fail.',
        Label: MAP_LABEL,
        ItemsPath: '$.pageNumbers',
        ItemSelector: { 'page.$': '$$.Map.Item.Value', 'run.$': '$.run' },
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
        Comment: 'Proves the run whole, writes its manifest, makes it visible.',
        Resource: resources.publishRun,
        ...LIMIT,
        Parameters: { 'run.$': '$.run', 'release.$': '$.release' },
        Retry: RETRY,
        Catch: CATCH,
        Next: STATES.outcome,
      },
      [STATES.outcome]: {
        Type: 'Choice',
        Comment: 'Where the source moved and the export is to be made once more, it begins again with its plan.',
        Choices: [{ Variable: '$.status', StringEquals: 'drifted', Next: STATES.plan }],
        Default: STATES.announcePublished,
      },
      [STATES.announcePublished]: announce(
        EVENT_TYPES.published,
        '$',
        STATES.published,
        ': downstream jobs start on it',
      ),
      [STATES.published]: { Type: 'Succeed' },
      [STATES.report]: {
        Type: 'Task',
        Comment: 'Finds the sentence that says what failed and what to do.',
        Resource: resources.reportFailure,
        ...LIMIT,
        Parameters: {
          'runId.$': '$$.Execution.Name',
          'execution.$': '$$.Execution.Id',
          'request.$': '$$.Execution.Input',
          'failure.$': '$',
        },
        Retry: RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.notifyPlainly }],
        Next: STATES.announceFailed,
      },
      [STATES.announceFailed]: announce(EVENT_TYPES.failed, '$.event', STATES.notify, ''),
      [STATES.notify]: {
        Type: 'Task',
        Comment: 'Mail for whoever repairs it.',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: { TopicArn: topicArn, 'Subject.$': '$.subject', 'Message.$': '$.message' },
        ResultPath: null,
        Retry: SDK_RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.failed }],
        Next: STATES.failed,
      },
      [STATES.notifyPlainly]: {
        Type: 'Task',
        Comment: 'When not even the report could be made: somebody must know all the same.',
        Resource: 'arn:aws:states:::sns:publish',
        Parameters: {
          TopicArn: topicArn,
          Subject: 'Account Export: a run failed',
          'Message.$':
            "States.Format('Run {} failed, and so did the report of why. What was published before is as it was. See the execution: {}', $$.Execution.Name, $$.Execution.Id)",
        },
        ResultPath: null,
        Retry: SDK_RETRY,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.failedUnreported }],
        Next: STATES.failedUnreported,
      },
      [STATES.failedUnreported]: {
        Type: 'Fail',
        Error: 'RunFailed',
        Cause: 'The run failed, and the report of why could not be made: the history of the execution tells.',
      },
      [STATES.failed]: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
    },
  };
}
