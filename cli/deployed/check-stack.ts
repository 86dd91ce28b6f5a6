/** The checks of a deployment: what it needs so that its exports run, and so that people notice when they fail. */
import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import type { Subscription } from '@aws-sdk/client-sns';
import { explainAwsFailure } from '../../functions/aws/aws-errors.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { deployCommand } from '../../functions/model/program.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { nextCommand, placeOptions, type StackFlags } from '../flags/stack-flags.ts';
import { type Finding, fail, failureOf, ok, type Result, warn } from '../terminal/findings.ts';
import { count, counted } from '../terminal/format.ts';
import { CommandError } from '../terminal/terminal.ts';
import { listRuns } from './list-runs.ts';
import { isQuarantined, type RunReport } from './run-report.ts';
import type { Stack } from './stack.ts';
import { type DeployedSchedule, describeSchedules, listResources } from './stack-resources.ts';

/** What the checks share. The lists are requested once. */
interface Deployment {
  readonly stack: Stack;
  readonly flags: StackFlags;
  readonly resources: Promise<readonly StackResourceSummary[]>;
  readonly schedules: Promise<readonly DeployedSchedule[]>;
}

/** Runs that are looked at to find the latest one of each export. */
const RUNS = 50;
const PERMISSIONS = 'docs/security.md, "Lake Formation and encrypted catalogs"';

/** The command has the ARN of the topic, which is too long for a terminal. */
const SUBSCRIBE = 'subscribe an address (docs/operations.md, "Notifications")';

const CHECKS: readonly { readonly name: string; check(deployment: Deployment): Promise<readonly Result[]> }[] = [
  { name: 'stack', check: checkVersion },
  { name: 'API key', check: checkKey },
  { name: 'notifications', check: checkNotifications },
  { name: 'concurrency', check: checkConcurrency },
  { name: 'catalog', check: checkCatalog },
  { name: 'schedules', check: checkSchedules },
  { name: 'dead letters', check: checkDeadLetters },
  { name: 'latest run', check: checkLatestRuns },
];

/**
 * Checks a deployment. It changes nothing, and reads neither the API key nor accounts.
 * @param connecting finds the stack; if it fails, that is the only finding
 */
export async function checkStack(connecting: Promise<Stack>, flags: StackFlags): Promise<Finding[]> {
  let stack: Stack;
  try {
    stack = await connecting;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [{ name: 'connection', ...failureOf(error.message, 'fail') }];
  }
  const account = stack.stateMachineArn.split(':')[4];
  const connected = { name: 'connection', ...ok(`stack ${stack.name}, account ${account}, ${stack.region}`) };
  const resources = listResources(stack);
  const schedules = resources.then((all) => describeSchedules(stack, all));
  const found = await Promise.all(
    CHECKS.map(async ({ name, check }) => {
      const results = await check({ stack, flags, resources, schedules }).catch((error: unknown) => [
        unchecked(name, error, { profile: flags.profile, region: stack.region }),
      ]);
      return results.map((result): Finding => ({ name, ...result }));
    }),
  );
  return [connected, ...found.flat()];
}

async function checkVersion({ stack: { status, outputs } }: Deployment): Promise<Result[]> {
  const events = 'Open its events in the CloudFormation console, correct the cause, and deploy:';
  if (status.endsWith('_FAILED')) return [fail(`the last deployment failed (${status})`, events, DEPLOY)];
  if (status.endsWith('_IN_PROGRESS')) {
    return [warn(`a deployment is in progress (${status})`, 'Check again when it has finished.')];
  }
  if (status.includes('ROLLBACK')) return [warn(`the last deployment was rolled back (${status})`, events, DEPLOY)];
  const [deployed, own] = [outputs.get('Version'), packageJson.version];
  if (deployed === own) return [ok(`version ${own}, ${status}`)];
  const detail = `version ${deployed ?? 'unknown'} is deployed, and this is ${own}`;
  return deployed !== undefined && deployed.localeCompare(own, 'en', { numeric: true }) > 0
    ? [warn(detail, 'Update this copy:', 'git pull && npm ci')]
    : [warn(detail, 'Deploy this version:', DEPLOY)];
}

async function checkKey({ stack, flags, resources }: Deployment): Promise<Result[]> {
  const name = stack.outputs.get('ApiKeySecret');
  if (name === undefined) return [warn('not checked: the stack has no output ApiKeySecret', 'Deploy it:', DEPLOY)];
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const secret = await new SecretsManager(stack.clientOptions).describeSecret({ SecretId: name });
  if (secret.DeletedDate !== undefined) {
    const restore = `aws secretsmanager restore-secret --secret-id ${name}`;
    return [fail('its secret is being deleted: every run fails', 'Restore it:', inPlace(restore, flags))];
  }
  // CloudFormation creates the secret with a first version that holds no key. Storing a key adds a version.
  const created = (await resources).some(({ ResourceType }) => ResourceType === 'AWS::SecretsManager::Secret');
  const versions = Object.values(secret.VersionIdsToStages ?? {}).filter((stages) => stages.length > 0);
  if (versions.length > (created ? 1 : 0)) return [ok(`stored; its secret changed ${dayOf(secret.LastChangedDate)}`)];
  return [
    fail(
      'no key was stored: every run fails with ApiCredentialsError',
      'Store it as docs/operations.md, "Store the API key", describes:',
      inPlace(stack.output('PutKeyCommand'), flags),
    ),
  ];
}

async function checkNotifications({ stack }: Deployment): Promise<Result[]> {
  const { SNS } = await import('@aws-sdk/client-sns');
  const sns = new SNS(stack.clientOptions);
  const topic = stack.output('FailureTopicArn');
  const found: Subscription[] = [];
  let next: string | undefined;
  do {
    const page = await sns.listSubscriptionsByTopic({
      TopicArn: topic,
      ...(next === undefined ? {} : { NextToken: next }),
    });
    found.push(...(page.Subscriptions ?? []));
    next = page.NextToken;
  } while (next !== undefined);
  if (found.length === 0) {
    return [warn('nobody receives failures and alarms', `Set alarmEmail in cdk.json and deploy, or ${SUBSCRIBE}.`)];
  }
  const pending = found.filter(({ SubscriptionArn = '' }) => !SubscriptionArn.startsWith('arn:'));
  if (pending.length === 0) return [ok(counted(found.length, 'confirmed subscription'))];
  // The address of an HTTPS subscription can hold a secret.
  const who = pending.map(({ Protocol = '', Endpoint = '' }) => (Protocol.startsWith('email') ? Endpoint : Protocol));
  return [
    fail(
      `not confirmed: ${who.join(', ')}`,
      `Open the link in the email "AWS Notification - Subscription Confirmation". If it is older than two days, ${SUBSCRIBE}.`,
    ),
  ];
}

/** The default of `concurrency`. */
const DEFAULT_CONCURRENCY = 20;
/** A new account has a limit of 10. The default concurrency needs this many, with some for other functions. */
const ENOUGH_FUNCTIONS = 25;

async function checkConcurrency({ stack }: Deployment): Promise<Result[]> {
  const { Lambda } = await import('@aws-sdk/client-lambda');
  const { AccountLimit } = await new Lambda(stack.clientOptions).getAccountSettings({});
  const limit = AccountLimit?.ConcurrentExecutions ?? 0;
  const detail = `${counted(limit, 'function')} can run at the same time`;
  if (limit >= ENOUGH_FUNCTIONS) return [ok(detail)];
  return [
    warn(
      `only ${detail}; the default concurrency of ${DEFAULT_CONCURRENCY} needs ${ENOUGH_FUNCTIONS}`,
      `If you have not yet done so, set "concurrency": ${Math.max(1, Math.floor(limit / 2))} in cdk.json and deploy, or request more Concurrent executions in Service Quotas.`,
    ),
  ];
}

async function checkCatalog({ stack }: Deployment): Promise<Result[]> {
  const { Glue } = await import('@aws-sdk/client-glue');
  const glue = new Glue(stack.clientOptions);
  const database = stack.output('Workgroup');
  const names = tableDefinitions([]).map(({ name }) => name);
  const missing = (what: string) => (error: Error) => {
    if (error.name === 'EntityNotFoundException') return what;
    throw error;
  };
  const [found, ...tables] = await Promise.all([
    glue.getDatabase({ Name: database }).catch(missing(database)),
    ...names.map((name) => glue.getTable({ DatabaseName: database, Name: name }).catch(missing(`${database}.${name}`))),
  ]);
  const gone = [found, ...tables].filter((one) => typeof one === 'string');
  if (gone.length > 0) {
    return [fail(`missing: ${gone.join(', ')}`, 'See docs/operations.md, "Restore the tables".')];
  }
  if (tables.some((table) => typeof table !== 'string' && table.Table?.IsRegisteredWithLakeFormation === true)) {
    return [
      warn(
        'the bucket is a data lake location of Lake Formation',
        `Runs and analysts may lack permissions. Deregister the bucket, or grant the permissions in ${PERMISSIONS}.`,
      ),
    ];
  }
  const open = typeof found === 'string' ? undefined : found?.Database?.CreateTableDefaultPermissions;
  const byIam = ({ Principal }: { Principal?: { DataLakePrincipalIdentifier?: string | undefined } | undefined }) =>
    Principal?.DataLakePrincipalIdentifier === 'IAM_ALLOWED_PRINCIPALS';
  if (open !== undefined && !open.some(byIam)) {
    return [warn('Lake Formation decides who may use new tables', `Grant the permissions in ${PERMISSIONS}.`)];
  }
  return [ok(`${counted(names.length, 'table')} in ${database}, visible with your credentials`)];
}

async function checkSchedules({ schedules }: Deployment): Promise<Result[]> {
  const all = await schedules;
  const labels = (state: DeployedSchedule['state']) =>
    all.filter((schedule) => schedule.state === state).map(({ label }) => label);
  const [missing, disabled] = [labels('missing'), labels('disabled')];
  if (missing.length > 0) {
    const remedy = 'Someone deleted it outside of CloudFormation. Create it again:';
    return [fail(`missing: ${missing.join(', ')}`, remedy, deployCommand('--revert-drift'))];
  }
  if (disabled.length > 0) {
    const remedy =
      'If this is not intended, set "scheduleEnabled": true in cdk.json and deploy, or enable it in the EventBridge Scheduler console.';
    return [warn(`disabled: ${disabled.join(', ')}`, remedy)];
  }
  const starting = all.filter(({ exportName }) => exportName !== undefined).length;
  return [ok(`${counted(all.length, 'schedule')} enabled, ${count(starting)} of them for exports`)];
}

async function checkDeadLetters({ stack, resources }: Deployment): Promise<Result[]> {
  const { SQS } = await import('@aws-sdk/client-sqs');
  const sqs = new SQS(stack.clientOptions);
  const queues = (await resources).flatMap(({ ResourceType, LogicalResourceId = '', PhysicalResourceId }) => {
    const [id] = /(?<=^Undelivered)[A-Z][a-z]+/.exec(LogicalResourceId) ?? [''];
    const entry = DEAD_LETTERS[id];
    return ResourceType === 'AWS::SQS::Queue' && entry !== undefined ? { entry, url: PhysicalResourceId } : [];
  });
  const counts = await Promise.all(
    queues.map(async ({ entry, url }) => {
      const { Attributes } = await sqs.getQueueAttributes({
        QueueUrl: url,
        AttributeNames: ['ApproximateNumberOfMessages'],
      });
      return { entry, messages: Number(Attributes?.ApproximateNumberOfMessages ?? 0) };
    }),
  );
  const used = counts.filter(({ messages }) => messages > 0);
  if (used.length === 0) return [ok(`none in ${counted(queues.length, 'queue')}`)];
  return used.map(({ entry, messages }) =>
    fail(`${counted(messages, 'message')} of ${entry}`, `See docs/runbook.md, "${entry}".`),
  );
}

/** The entry of the runbook for each dead-letter queue, by its name in `Undelivered`. */
export const DEAD_LETTERS: Readonly<Record<string, string>> = {
  Starts: 'start-undelivered',
  Retention: 'retention-undelivered',
  Freshness: 'freshness-undelivered',
  Notifications: 'notification-undelivered',
};

async function checkLatestRuns({ stack, flags, schedules }: Deployment): Promise<Result[]> {
  // Without the schedules, exports that never ran are unknown, and the check of the schedules says why.
  const [runs, known] = await Promise.all([listRuns(stack, RUNS), schedules.catch(() => [])]);
  const scheduled = known.flatMap(({ exportName }) => exportName ?? []);
  const latest = new Map<string, RunReport | undefined>(scheduled.map((name) => [name, undefined]));
  for (const run of runs) {
    // The input `{}` starts the only export.
    const name = run.exportName ?? (scheduled.length === 1 ? scheduled[0] : undefined) ?? 'the only export';
    if (run.status === 'skipped' || run.status === 'dry run') continue;
    latest.set(name, latest.get(name) ?? run);
  }
  if (latest.size === 0) {
    return [warn('no export has run yet', 'Start one of your exports:', nextCommand('start', 'EXPORT', flags))];
  }
  return [...latest].map(([name, run]) => {
    if (run !== undefined) return latestRun(name, run, flags);
    const never = runs.length < RUNS ? 'has not run yet' : `is not among the latest ${RUNS} runs`;
    return warn(`${name} ${never}`, 'Start it, or wait for its schedule:', nextCommand('start', name, flags));
  });
}

function latestRun(name: string, run: RunReport, flags: StackFlags): Result {
  const when = minuteOf(run.startedAt);
  const showWhy = ['See what happened, and what to do:', nextCommand('status', run.runId, flags)] as const;
  switch (run.status) {
    case 'failed':
      return isQuarantined(run)
        ? fail(
            `${name} was quarantined ${when} (${run.error})`,
            'If the data is right, publish it (docs/operations.md, "A run was quarantined"):',
            nextCommand('publish', run.runId, flags),
          )
        : fail(`${name} failed ${when} (${run.error})`, ...showWhy);
    case 'timed out':
      return fail(`${name} timed out ${when}`, ...showWhy);
    case 'stopped':
      return warn(`${name} was stopped ${when}`, ...showWhy);
    default: {
      const accounts = run.accounts === null ? '' : `, ${counted(run.accounts, 'account')}`;
      return ok(`${name}: ${run.status}, started ${when}${accounts}`);
    }
  }
}

const DEPLOY = deployCommand();

/** A check that failed itself. Without a permission, or while AWS is unreachable, the deployment may be in order. */
function unchecked(name: string, error: unknown, caller: { profile?: string | undefined; region: string }): Result {
  const { message, kind } =
    error instanceof CommandError
      ? { message: error.message, kind: error.transient ? 'transient' : 'permanent' }
      : explainAwsFailure(`Checking "${name}"`, error, caller);
  const cause = (error instanceof CommandError ? error.cause : error) as Error | undefined;
  const mayNotLook = /^AccessDenied/.test(cause?.name ?? '') && !/lake formation/i.test(cause?.message ?? '');
  return failureOf(message, kind === 'transient' || mayNotLook ? 'warn' : 'fail');
}

function inPlace(command: string, flags: StackFlags): string {
  return [command, ...placeOptions(flags)].join(' ');
}

function dayOf(date: Date | undefined): string {
  return date?.toISOString().slice(0, 10) ?? 'at an unknown time';
}

/** `2026-08-22 02:00 UTC` */
function minuteOf(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
