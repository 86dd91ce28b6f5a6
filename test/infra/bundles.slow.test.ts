/**
 * Runs the bundles that CDK makes, in the workflow's definition, against small servers for S3, Secrets Manager, Glue and
 * Step Functions. The S3 server enforces the rights of the functions.
 */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Template } from 'aws-cdk-lib/assertions';
import { StateMachine } from 'aws-local-stepfunctions';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import { ExportFunction } from '../../infra/constructs/export-function.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { bundleFunctions } from '../../tools/build/bundling.ts';
import { makeBundles } from '../../tools/docs/bundles.ts';
import { expectSameAccount } from '../support/exact-json.ts';
import { startSmallGlue } from '../support/small-glue.ts';
import { startSmallS3 } from '../support/small-s3.ts';
import { CONFIG, synthesizedStack } from '../support/synthesized.ts';

type Handler = (event: unknown, context: object) => Promise<unknown>;

const TASKS = {
  PlanExport: STATES.plan,
  ExportPage: STATES.page,
  PublishRun: STATES.publish,
  ReportFailure: STATES.report,
};
const ENTRIES = {
  PlanExport: 'plan-export',
  ExportPage: 'export-page',
  PublishRun: 'publish-run',
  ReportFailure: 'report-failure',
};
const SECRET = { keyId: 'demo-key', secret: 'demo:secret' };
const closing: (() => unknown)[] = [];
const printed: string[] = [];
let handlers: Record<string, Handler>;
let simulator: Simulator;
let s3: Awaited<ReturnType<typeof startSmallS3>>;
let glue: Awaited<ReturnType<typeof startSmallGlue>>;
let secret: object = SECRET;
let afterPage: (() => void) | undefined;
/** Outputs, errors, events and emails of all executions. */
const results: string[] = [];
/** The executions that Step Functions reports as running. */
const running = new Set<string>();
/** The folder of each function's bundle, by entry. */
const bundleFolders = new Map<string, string>();
/** The function that works now: the steps of a run do not overlap. */
let currentTask = '';
let mayAccess: (task: string, action: string, key: string) => boolean;
const accessDenied: string[] = [];

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bundles-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  await bundleFunctions();
  const { stack, template } = synthesizedStack({}, { bundlesFolder: folder });
  const functions = template.findResources('AWS::Lambda::Function');
  for (const one of stack.node.findAll()) {
    if (!(one instanceof ExportFunction)) continue;
    const { Code } = functions[stack.getLogicalId(one.function.node.defaultChild as never)]?.Properties ?? {};
    bundleFolders.set(one.entry, join(folder, `asset.${String(Code.S3Key).replace('.zip', '')}`));
  }
  mayAccess = s3RightsIn(template);

  simulator = await startSimulator({ accounts: 1234 });
  s3 = await startSmallS3(['exports'], (method, key) => {
    const action = { PUT: 's3:PutObject', DELETE: 's3:DeleteObject' }[method] ?? 's3:GetObject';
    if (key === '' || mayAccess(currentTask, action, key)) return undefined;
    accessDenied.push(`${currentTask}: ${action} ${key}`);
    return { status: 403, code: 'AccessDenied' };
  });
  glue = await startSmallGlue();
  const secrets = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ Name: 'key', SecretString: JSON.stringify(secret) }));
  });
  await new Promise<void>((resolve) => secrets.listen(0, '127.0.0.1', resolve));
  const stepFunctions = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { executionArn } = JSON.parse(Buffer.concat(chunks).toString()) as { executionArn: string };
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ executionArn, status: running.has(executionArn) ? 'RUNNING' : 'SUCCEEDED' }));
  });
  await new Promise<void>((resolve) => stepFunctions.listen(0, '127.0.0.1', resolve));
  closing.push(
    () => stepFunctions.close(),
    () => simulator.close(),
    () => s3.close(),
    () => glue.close(),
    () => secrets.close(),
  );
  for (const [name, value] of Object.entries({
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_SFN: `http://127.0.0.1:${(stepFunctions.address() as AddressInfo).port}`,
    AWS_ENDPOINT_URL_GLUE: glue.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(secrets.address() as AddressInfo).port}`,
    BUCKET: 'exports',
    DATABASE: 'account_export',
    SECRET_ID: 'key',
    API_URL: simulator.url,
    EXPORTS_FILE: 'exports.json',
    STACK_NAME: 'AccountExport',
    PROGRAM: 'npx account-export',
  })) {
    vi.stubEnv(name, value);
  }
  // Powertools writes to the streams directly.
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  }
  const modules = Object.entries(ENTRIES).map(async ([task, entry]) => {
    const { handler } = (await import(join(bundleFolders.get(entry) ?? '', 'index.mjs'))) as { handler: Handler };
    return [task, handler] as const;
  });
  handlers = Object.fromEntries(await Promise.all(modules));
}, 1_200_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const close of closing.reverse()) await close();
});

/** Whether the role of a function allows an action on a key. */
function s3RightsIn(template: Template): (task: string, action: string, key: string) => boolean {
  const rights = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) =>
    (Properties.PolicyDocument.Statement as Statement[]).map(({ Action, Resource }) => ({
      role: String(Properties.Roles[0].Ref),
      actions: [Action].flat(),
      patterns: [Resource].flat().map((resource) => new RegExp(`^${keyPatternOf(resource).replaceAll('*', '.*')}$`)),
    })),
  );
  return (task, action, key) =>
    rights.some(
      ({ role, actions, patterns }) =>
        role.startsWith(`${task}Role`) && actions.includes(action) && patterns.some((pattern) => pattern.test(key)),
    );
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** `work/*` of a resource that is the ARN of the bucket and `/work/*`; empty for other resources. */
function keyPatternOf(resource: unknown): string {
  const { 'Fn::Join': [, [, suffix] = []] = [] } = resource as { 'Fn::Join'?: [string, unknown[]] };
  return typeof suffix === 'string' ? suffix.slice(1) : '';
}

/** One execution of the deployed definition, with the Lambda context in each task. */
async function execute(runId: string, request: object) {
  const context = {
    getRemainingTimeInMillis: () => 60_000,
    awsRequestId: 'request',
    functionName: 'function',
    memoryLimitInMB: '1024',
  };
  let failure: unknown;
  const announced: Record<string, unknown> = {};
  const announcing = Object.fromEntries(
    ANNOUNCING_STATES.map((state) => [
      state,
      async (event: unknown) => {
        announced[state] = event;
        return {};
      },
    ]),
  );
  const taskHandlers = Object.fromEntries(
    Object.entries(TASKS).map(([task, state]) => [
      state,
      async (event: unknown) => {
        currentTask = task;
        const result = await handlers[task]?.(JSON.parse(JSON.stringify(event)), context);
        if (state === STATES.page) afterPage?.();
        if (state === STATES.report) failure = result;
        return result;
      },
    ]),
  );
  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:task';
  const definition = exportWorkflow({
    resources: { planExport: arn, exportPage: arn, publishRun: arn, reportFailure: arn },
    concurrency: 4,
    topicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
  });
  const { result } = new StateMachine(definition as never).run(request as never, {
    overrides: {
      taskResourceLocalHandlers: { ...taskHandlers, ...announcing } as never,
      retryIntervalOverrides: { [STATES.page]: 1, [STATES.plan]: 1 },
    },
    context: {
      Execution: {
        Id: `arn:aws:states:us-east-1:000000000000:execution:exports:${runId}`,
        Name: runId,
        StartTime: '2026-08-22T02:00:00.000Z',
        Input: request,
      },
    } as never,
  });
  const ended = await result.then(
    (output: unknown) => ({ output, failure, announced }),
    () => ({ output: undefined, failure, announced }),
  );
  results.push(JSON.stringify(ended));
  return ended;
}

it('makes the bundles that the size limits and the list of licenses describe', async () => {
  const made = await makeBundles();
  const deployed = await Promise.all(
    [...bundleFolders].map(async ([entry, folder]) => [entry, (await stat(join(folder, 'index.mjs'))).size] as const),
  );
  expect(Object.fromEntries(deployed)).toEqual(Object.fromEntries(made.map(({ entry, bytes }) => [entry, bytes])));
});

it('deploys the third-party notices with each bundle', async () => {
  const notices = await readFile('THIRD-PARTY-NOTICES.txt', 'utf8');
  for (const folder of bundleFolders.values())
    expect(await readFile(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8')).toBe(notices);
});

it('deploys the configured exports with Plan export, and with no other function', async () => {
  for (const [entry, folder] of bundleFolders) {
    const file = readFile(join(folder, 'exports.json'), 'utf8').then((text) => JSON.parse(text) as unknown);
    const expected = entry === 'plan-export' ? parseStackConfig(CONFIG).exports : undefined;
    expect(await file.catch(() => undefined)).toEqual(expected);
  }
});

it('exports a run, publishes it and adds its partitions', async () => {
  const { output, failure, announced } = await execute('run-1', {
    exportName: 'all-accounts',
    pageSize: 500,
    dueAt: '2026-08-22T02:00:00Z',
  });
  expect(failure).toBeUndefined();
  expect(output).toMatchObject({
    runId: 'run-1',
    exportName: 'all-accounts',
    accounts: 1234,
    pages: 3,
    verdict: 'consistent',
    manifest: 's3://exports/export_runs/run_id=run-1/manifest.json',
  });
  expect(announced).toEqual({
    [STATES.announcePublished]: {
      Entries: [{ Source: 'account-export', DetailType: 'Export run published', Detail: output }],
    },
  });
  expect([...glue.partitions.keys()]).toEqual([
    'accounts_json all-accounts/2026-08-22/run-1',
    'newest_json all-accounts/2026-08-22/run-1',
    'export_runs run-1',
  ]);
  const lines = [0, 1, 2].flatMap((page) =>
    gunzipSync(
      s3.object(
        'exports',
        `accounts_json/export_name=all-accounts/export_date=2026-08-22/run_id=run-1/part-0000${page}.json.gz`,
      ) ?? '',
    )
      .toString()
      .split('\n')
      .slice(0, -1),
  );
  expect(lines).toHaveLength(1234);
  for (const [i, line] of lines.entries()) expectSameAccount(line, simulator.tenant.json(i) ?? '');
});

it.each(['csv', 'parquet'])('exports %s', async (format) => {
  const { output } = await execute(`run-${format}`, { datasetId: 'engage', format, pageSize: 500 });
  expect(output).toMatchObject({ accounts: 1234, verdict: 'consistent' });
});

it('resumes a run in another execution', async () => {
  const before = simulator.requests.length;
  const { output } = await execute('another-execution', { resume: 'run-1' });
  expect(output).toMatchObject({ runId: 'run-1', accounts: 1234 });
  expect(simulator.requests).toHaveLength(before);
});

it.each([
  [{ exportName: 'nope' }, 'RequestError', /"nope".*all-accounts, emea/],
  [{ datasetId: 'unknown' }, 'ApiNotFoundError', /404.*dataset "unknown"|dataset "unknown".*404/],
])('fails %j with an error that says what to do', async (request, error, cause) => {
  const runId = `failing-${error}`;
  const { failure, announced } = await execute(runId, request);
  expect(failure).toMatchObject({ error, cause: expect.stringMatching(cause) });
  const { subject, message, event } = failure as Record<string, unknown>;
  expect(event).toMatchObject({ status: 'failed', runId, error, pagesDone: 0, resume: null });
  expect(announced).toEqual({
    [STATES.announceFailed]: {
      Entries: [{ Source: 'account-export', DetailType: 'Export run failed', Detail: event }],
    },
    [STATES.notify]: {
      TopicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
      Subject: subject,
      Message: message,
    },
  });
});

it('skips a second delivery of a scheduled time and announces it', async () => {
  const scheduled = { exportName: 'all-accounts', dueAt: '2026-08-23T02:00:00Z', scheduled: true, pageSize: 500 };
  await execute('first-delivery', scheduled);
  const before = simulator.requests.length;
  const { output, announced } = await execute('second-delivery', scheduled);
  expect(output).toMatchObject({ outcome: 'skipped', runId: 'second-delivery', lockedBy: 'first-delivery' });
  expect(announced).toEqual({
    [STATES.announceSkipped]: {
      Entries: [{ Source: 'account-export', DetailType: 'Export run skipped', Detail: output }],
    },
  });
  expect(simulator.requests).toHaveLength(before);
});

it('skips a run while another run of the export is running', async () => {
  running.add('arn:aws:states:us-east-1:000000000000:execution:exports:slow');
  await execute('slow', { exportName: 'emea', pageSize: 500 });
  const { output } = await execute('beside', { exportName: 'emea', pageSize: 500 });
  expect(output).toMatchObject({ outcome: 'skipped', lockedBy: 'slow' });
  running.clear();
  expect((await execute('after', { exportName: 'emea', pageSize: 500 })).output).toMatchObject({ status: 'published' });
});

it('estimates a dry run without exporting', async () => {
  const { output, announced } = await execute('dry', { exportName: 'all-accounts', dryRun: true });
  expect(output).toMatchObject({ outcome: 'dryRun', accounts: 1234, estimate: { secondsFrom: 'probes' } });
  expect(announced).toEqual({});
});

it('reports an empty keyId when no key was stored', async () => {
  simulator.setKey('changed', 'changed');
  secret = { keyId: '', secret: 'generated' };
  const { failure } = await execute('no-key', { datasetId: 'engage' });
  expect(failure).toMatchObject({
    error: 'ApiCredentialsError',
    cause: expect.stringMatching(/keyId.*secret "key"|secret "key".*keyId/),
  });
});

it('exports again under another run id when the data changed and onDrift is retry', async () => {
  secret = SECRET;
  simulator.setKey(SECRET.keyId, SECRET.secret);
  const { tenant } = simulator;
  const before = tenant.total;
  afterPage = () => {
    tenant.removeAt(10, 1);
    afterPage = undefined;
  };
  const { output } = await execute('moved', { datasetId: 'engage', pageSize: 500, onDrift: 'retry', maxRecords: 9000 });
  expect(output).toMatchObject({
    status: 'published',
    runId: 'moved-retry',
    verdict: 'consistent',
    accounts: before - 1,
  });
});

it('quarantines a run with too large a drop, and publishes it on request', async () => {
  const request = { exportName: 'all-accounts', pageSize: 500, dueAt: '2026-08-24T02:00:00Z' };
  const total = simulator.tenant.total;
  simulator.tenant.setTotal(100);
  const { failure, announced } = await execute('dropped', request);
  simulator.tenant.setTotal(total);
  expect(failure).toMatchObject({
    error: 'QuarantinedError',
    subject: expect.stringContaining('quarantined'),
  });
  expect(announced[STATES.announceFailed]).toMatchObject({
    Entries: [{ Detail: { status: 'quarantined', publish: { publish: 'dropped' } } }],
  });
  const { output } = await execute('looked-at', { publish: 'dropped' });
  expect(output).toMatchObject({ status: 'published', runId: 'dropped', accounts: 100 });
});

it('logs ids, counts and unknown fields', () => {
  const text = printed.join('\n');
  expect(text).toContain('"message":"Export page done"');
  expect(text).toContain('"runId":"run-1"');
  expect(text).toContain('"page":2');
  expect(text).toContain('"unmappedColumns":["healthIndex"]');
});

it('exposes neither the API key nor account data outside the parts', () => {
  const stored = s3
    .keys('exports')
    .filter((key) => !key.startsWith('accounts_'))
    .map((key) => `${key} ${s3.object('exports', key)}`);
  const everything = [...printed, ...results, ...stored].join('\n');
  // The search covers outputs, events, emails, manifests, receipts, metrics and tickets.
  for (const found of [
    '"status":"published"',
    '"status":"quarantined"',
    'run_id=run-1/receipts/00002.json',
    '"_aws"',
    'tickets/',
  ])
    expect(everything).toContain(found);
  const accounts = [0, 1, 500, 1233].map((i) => JSON.parse(simulator.tenant.json(i) ?? '{}') as { name: string });
  const key = ['demo:secret', Buffer.from('demo-key:demo:secret').toString('base64'), 'generated'];
  for (const hidden of [...key, ...accounts.map(({ name }) => name), 'Globex', 'García']) {
    expect(everything).not.toContain(hidden);
  }
});

it('needs no more rights on objects than the functions have', () => {
  expect(accessDenied).toEqual([]);
  expect(mayAccess('PlanExport', 's3:PutObject', 'work/run_id=a/plan.json')).toBe(true);
  expect(mayAccess('ExportPage', 's3:PutObject', 'work/run_id=a/plan.json')).toBe(false);
});
