/**
 * The state machine: `cdk synth` deploys the definition that `run` executes on one machine.
 *
 * It is plain Amazon States Language (JSONPath) from a pure function, because a local run cannot wait for a synth.
 */

import { TIMEOUT_ERROR, taskRetries } from './model/retry-policy.ts';
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

/** The states of the second state machine, which reports a run that timed out. It shares the states that report a failure. */
export const TIMEOUT_STATES = {
  inputIncluded: 'Input included?',
  readInput: 'Read input',
  noInput: 'No input',
  report: STATES.report,
  announceFailed: STATES.announceFailed,
  notify: STATES.notify,
  reported: 'Reported',
  notifyWithoutReport: STATES.notifyWithoutReport,
  failedWithoutReport: STATES.failedWithoutReport,
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

export interface ReportOptions {
  /** The ARN of the task's Lambda. */
  readonly resources: Readonly<Pick<Record<TaskName, string>, 'reportFailure'>>;
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

export interface WorkflowOptions extends ReportOptions {
  /** The ARN of each task's Lambda. */
  readonly resources: Readonly<Record<TaskName, string>>;
  /** Pages in flight at once. */
  readonly concurrency: number;
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

interface Announcement {
  readonly detailType: string;
  /** A JSONPath. */
  readonly detail: string;
  /** What the event concerns, besides the execution that sends it: a JSONPath or intrinsic function. @default nothing */
  readonly about?: string | undefined;
  readonly next: string;
}

/** Sends an event to the default event bus. */
function announce({ partition = 'aws' }: Pick<ReportOptions, 'partition'>, announcement: Announcement) {
  const { detailType, detail, about, next } = announcement;
  const purpose = detailType === EVENT_TYPES.published ? ', which downstream jobs can start on' : '';
  return callService({
    comment: `Sends the event "${detailType}" (source ${EVENT_SOURCE})${purpose}.`,
    resource: `arn:${partition}:states:::events:putEvents`,
    parameters: {
      Entries: [
        {
          Source: EVENT_SOURCE,
          DetailType: detailType,
          'Detail.$': detail,
          ...(about === undefined ? {} : { 'Resources.$': about }),
        },
      ],
    },
    next,
  });
}

function taskState(name: TaskName, resource: string, { retries, timeoutSeconds }: ReportOptions) {
  return {
    Type: 'Task',
    Resource: resource,
    TimeoutSeconds: timeoutSeconds ?? LAMBDA_TIMEOUT_SECONDS[name] + ANSWER_SECONDS,
    Retry: taskRetries(retries),
  };
}

/** Where the states that report a run find it: JSONPaths. */
interface FailedRunPaths {
  /** Of the context object, because the input of a state depends on the states before it. */
  readonly runId: string;
  readonly execution: string;
  /** Of the input of *Report failure*, or the context object. */
  readonly request: string;
  readonly failure: string;
  /** As in `Announcement`. */
  readonly about?: string;
}

/** The states that report a failed run. @param next the state after the report */
function reportStates(options: ReportOptions, paths: FailedRunPaths, next: string) {
  const { runId, execution, request, failure } = paths;
  const { resources, topicArn, partition = 'aws', title = titleOf(DEFAULT_STACK_NAME) } = options;
  const notify = (comment: string, email: object, then: string) =>
    callService({
      comment,
      resource: `arn:${partition}:states:::sns:publish`,
      parameters: { TopicArn: topicArn, ...email },
      next: then,
    });
  return {
    [STATES.report]: {
      ...taskState('reportFailure', resources.reportFailure, options),
      Comment: 'Finds the error to report, and writes the event and the email.',
      Parameters: { 'runId.$': runId, 'execution.$': execution, 'request.$': request, 'failure.$': failure },
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: STATES.notifyWithoutReport }],
      Next: STATES.announceFailed,
    },
    [STATES.announceFailed]: announce(options, {
      detailType: EVENT_TYPES.failed,
      detail: '$.event',
      about: paths.about,
      next: STATES.notify,
    }),
    [STATES.notify]: notify(
      'Publishes the failure to the SNS topic, which sends emails.',
      { 'Subject.$': '$.subject', 'Message.$': '$.message' },
      next,
    ),
    [STATES.notifyWithoutReport]: notify(
      'Publishes a short notification if the report itself failed.',
      {
        Subject: `${title}: a run failed`,
        'Message.$': `States.Format('Run {} failed, and its failure report could not be written. Published data is unchanged. See the execution: {}', ${runId}, ${execution})`,
      },
      STATES.failedWithoutReport,
    ),
    [STATES.failedWithoutReport]: {
      Type: 'Fail',
      Error: 'RunFailed',
      Cause: 'The run failed, and its failure report could not be written: see the history of the execution.',
    },
  };
}

/**
 * A state machine that reports a run whose execution timed out, which enters no further state. Its input is the event of
 * Step Functions about that execution. A second delivery of the event sends the report a second time and changes nothing.
 *
 * @returns a plain object, ready for `JSON.stringify`
 */
export function timeoutReport(options: ReportOptions) {
  const limit = `${RUN_TIMEOUT_SECONDS / 3600} hours`;
  const failure = {
    Error: TIMEOUT_ERROR,
    Cause: `The run reached the limit of ${limit}: find out what took so long, and raise pageSize or concurrency for the next run.`,
  };
  const detail = '$$.Execution.Input.detail';
  const timedOutRun = {
    runId: `${detail}.name`,
    execution: `${detail}.executionArn`,
    request: '$.request',
    failure: '$.failure',
    // Subscribers find events by the state machine of the run. Step Functions adds only the one that sends the event.
    about: `States.Array(${detail}.stateMachineArn, ${detail}.executionArn)`,
  };
  return {
    Comment: `Reports a run of the export workflow that reached the limit of ${limit}. An EventBridge rule starts it.`,
    StartAt: TIMEOUT_STATES.inputIncluded,
    TimeoutSeconds: RUN_TIMEOUT_SECONDS,
    States: {
      [TIMEOUT_STATES.inputIncluded]: {
        Type: 'Choice',
        Comment: 'The event lacks an input of more than 248 KiB.',
        Choices: [
          {
            And: [
              { Variable: '$.detail.input', IsPresent: true },
              { Variable: '$.detail.input', IsString: true },
            ],
            Next: TIMEOUT_STATES.readInput,
          },
        ],
        Default: TIMEOUT_STATES.noInput,
      },
      [TIMEOUT_STATES.readInput]: {
        Type: 'Pass',
        Parameters: { failure, 'request.$': 'States.StringToJson($.detail.input)' },
        Next: STATES.report,
      },
      [TIMEOUT_STATES.noInput]: { Type: 'Pass', Parameters: { failure, request: null }, Next: STATES.report },
      ...reportStates(options, timedOutRun, TIMEOUT_STATES.reported),
      [TIMEOUT_STATES.reported]: { Type: 'Succeed' },
    },
  };
}

/** The workflow's definition as a plain object, ready for `JSON.stringify`. */
export function exportWorkflow(options: WorkflowOptions) {
  const { resources, concurrency, timeoutSeconds } = options;
  const task = (name: TaskName) => taskState(name, resources[name], options);
  const failedRun = {
    runId: '$$.Execution.Name',
    execution: '$$.Execution.Id',
    request: '$$.Execution.Input',
    failure: '$',
  };
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
      [STATES.announceSkipped]: announce(options, {
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
        Parameters: { 'run.$': '$.run', 'execution.$': '$.execution', 'outcome.$': '$.outcome', concurrency },
        Catch: CATCH,
        Next: STATES.outcome,
      },
      [STATES.outcome]: {
        Type: 'Choice',
        Comment: 'If the data changed and onDrift is "retry", the run is exported again.',
        Choices: [{ Variable: '$.status', StringEquals: 'drifted', Next: STATES.plan }],
        Default: STATES.announcePublished,
      },
      [STATES.announcePublished]: announce(options, {
        detailType: EVENT_TYPES.published,
        detail: '$',
        next: STATES.published,
      }),
      [STATES.published]: { Type: 'Succeed' },
      ...reportStates(options, failedRun, STATES.failed),
      [STATES.failed]: { Type: 'Fail', ErrorPath: '$.error', CausePath: '$.cause' },
    },
  };
}
