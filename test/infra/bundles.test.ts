/**
 * The bundles that the stack deploys, run: the workflow of the template, each task the handler of its bundle, over servers
 * that speak S3, Secrets Manager and Glue.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { StateMachine } from 'aws-local-stepfunctions';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { expectSameAccount } from '../support/exact-json.ts';
import { startSmallGlue } from '../support/small-glue.ts';
import { startSmallS3 } from '../support/small-s3.ts';
import { CONFIG } from '../support/synthesized.ts';

type Handler = (event: unknown, context: object) => Promise<unknown>;

const TASKS = {
  PlanExport: STATES.plan,
  ExportPage: STATES.page,
  PublishRun: STATES.publish,
  ReportFailure: STATES.report,
};
const SECRET = { keyId: 'demo-key', secret: 'demo:secret' };
const closing: (() => unknown)[] = [];
const printed: string[] = [];
let handlers: Record<string, Handler>;
let simulator: Simulator;
let s3: Awaited<ReturnType<typeof startSmallS3>>;
let glue: Awaited<ReturnType<typeof startSmallGlue>>;
let secret: object = SECRET;
/** What happens at the source when a page has been fetched. */
let afterPage: (() => void) | undefined;
/** Every output, error, event and mail of every execution. */
const told: string[] = [];
/** The executions that Step Functions would call running. */
const running = new Set<string>();

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bundles-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const app = new App({ outdir: folder });
  const config = parseStackConfig(CONFIG);
  const template = Template.fromStack(new AccountExportStack(app, 'AccountExport', { config }));

  simulator = await startSimulator({ accounts: 1234 });
  s3 = await startSmallS3(['exports']);
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
  })) {
    vi.stubEnv(name, value);
  }
  // Powertools writes to the streams themselves.
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  }
  handlers = {};
  for (const [id, resource] of Object.entries(template.findResources('AWS::Lambda::Function'))) {
    const task = Object.keys(TASKS).find((name) => id.startsWith(name));
    const asset = (await readdir(folder)).find(
      (name) => name === `asset.${String(resource.Properties.Code.S3Key).replace('.zip', '')}`,
    );
    if (!task || !asset) continue;
    const [file = '', name = ''] = String(resource.Properties.Handler).split('.');
    const bundle = (await import(join(folder, asset, `${file}.mjs`))) as Record<string, Handler>;
    handlers[task] = bundle[name] as Handler;
  }
}, 120_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const close of closing.reverse()) await close();
});

/** One execution of the deployed workflow's definition, each task with the context that Lambda gives. */
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
    exports: parseStackConfig(CONFIG).exports,
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
  told.push(JSON.stringify(ended));
  return ended;
}

it('exports, publishes and adds the partitions of a run', async () => {
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

it.each(['csv', 'parquet'])('exports %s too', async (format) => {
  const { output } = await execute(`run-${format}`, { datasetId: 'engage', format, pageSize: 500 });
  expect(output).toMatchObject({ accounts: 1234, verdict: 'consistent' });
});

it('goes on with a run that failed, as another execution', async () => {
  const before = simulator.requests.length;
  const { output } = await execute('another-execution', { resume: 'run-1' });
  expect(output).toMatchObject({ runId: 'run-1', accounts: 1234 });
  expect(simulator.requests).toHaveLength(before);
});

it.each([
  [
    { exportName: 'nope' },
    'RequestError',
    'There is no export "nope": configured are all-accounts, emea; an ad-hoc export needs a datasetId.',
  ],
  [{ datasetId: 'unknown' }, 'ApiNotFoundError', /^The API at 127\.0\.0\.1:\d+ knows no dataset "unknown" \(404\)/],
])('ends %j with the sentence that says what to do', async (request, error, cause) => {
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

it('yields to the run that took the tick before, and tells who waits for the data', async () => {
  const tick = { exportName: 'all-accounts', dueAt: '2026-08-23T02:00:00Z', scheduled: true, pageSize: 500 };
  await execute('first-delivery', tick);
  const before = simulator.requests.length;
  const { output, announced } = await execute('second-delivery', tick);
  expect(output).toMatchObject({ status: 'skipped', runId: 'second-delivery', yieldsTo: 'first-delivery' });
  expect(announced).toEqual({
    [STATES.announceSkipped]: {
      Entries: [{ Source: 'account-export', DetailType: 'Export run skipped', Detail: output }],
    },
  });
  expect(simulator.requests).toHaveLength(before);
});

it('yields to a run that has not ended, which it looks up in Step Functions', async () => {
  running.add('arn:aws:states:us-east-1:000000000000:execution:exports:slow');
  await execute('slow', { exportName: 'emea', pageSize: 500 });
  const { output } = await execute('beside', { exportName: 'emea', pageSize: 500 });
  expect(output).toMatchObject({ status: 'skipped', yieldsTo: 'slow' });
  running.clear();
  expect((await execute('after', { exportName: 'emea', pageSize: 500 })).output).toMatchObject({ status: 'published' });
});

it('plans without exporting when asked to', async () => {
  const { output, announced } = await execute('dry', { exportName: 'all-accounts', dryRun: true });
  expect(output).toMatchObject({ status: 'planned', accounts: 1234, expected: { secondsFrom: 'probes' } });
  expect(announced).toEqual({});
});

it('says which half of the key is missing when the stack is new', async () => {
  simulator.setKey('changed', 'changed');
  secret = { keyId: '', secret: 'generated' };
  const { failure } = await execute('no-key', { datasetId: 'engage' });
  expect(failure).toMatchObject({
    error: 'ApiCredentialsError',
    cause: 'The keyId of the API key in secret "key" is empty: it should be {"keyId":"…","secret":"…"}.',
  });
});

it('exports once more when the source moved, as the policy of the request says', async () => {
  secret = SECRET;
  simulator.setKey(SECRET.keyId, SECRET.secret);
  const { tenant } = simulator;
  const before = tenant.total;
  afterPage = () => {
    tenant.removeAt(10, 1);
    afterPage = undefined;
  };
  const { output } = await execute('moved', { datasetId: 'engage', pageSize: 500, onDrift: 'retry', maxRecords: 9000 });
  expect(output).toMatchObject({ status: 'published', verdict: 'consistent', accounts: before - 1 });
});

it('holds back a run that lost more than it may, and publishes it when it is told to', async () => {
  const request = { exportName: 'all-accounts', pageSize: 500, dueAt: '2026-08-24T02:00:00Z' };
  const total = simulator.tenant.total;
  simulator.tenant.setTotal(100);
  const { failure, announced } = await execute('dropped', request);
  simulator.tenant.setTotal(total);
  expect(failure).toMatchObject({
    error: 'QuarantinedError',
    subject: 'Account Export: Export all-accounts was held back',
  });
  expect(announced[STATES.announceFailed]).toMatchObject({
    Entries: [{ Detail: { status: 'quarantined', publish: { publish: 'dropped' } } }],
  });
  const { output } = await execute('looked-at', { publish: 'dropped' });
  expect(output).toMatchObject({ status: 'published', runId: 'dropped', accounts: 100 });
});

it('logs ids and figures', () => {
  const text = printed.join('\n');
  expect(text).toContain('"message":"Export page done"');
  expect(text).toContain('"runId":"run-1"');
  expect(text).toContain('"page":2');
  expect(text).toMatch(/"message":"Fields that the table does not declare".*"unmappedColumns":\["healthIndex"\]/);
});

it('shows neither the key nor an account in anything but the parts: logs, metrics, outputs, errors, events, mails, records', () => {
  const kept = s3
    .keys('exports')
    .filter((key) => !key.startsWith('accounts_'))
    .map((key) => `${key} ${s3.object('exports', key)}`);
  const everything = [...printed, ...told, ...kept].join('\n');
  // There is much to look through: successes, failures, drift, quarantine, metrics, manifests, plans, page records, claims.
  for (const found of [
    '"status":"published"',
    '"status":"quarantined"',
    'run_id=run-1/pages/00002.json',
    '"_aws"',
    'budget',
  ])
    expect(everything).toContain(found);
  const accounts = [0, 1, 500, 1233].map((i) => JSON.parse(simulator.tenant.json(i) ?? '{}') as { name: string });
  const key = ['demo:secret', Buffer.from('demo-key:demo:secret').toString('base64'), 'generated'];
  for (const hidden of [...key, ...accounts.map(({ name }) => name), 'Globex', 'García']) {
    expect(everything).not.toContain(hidden);
  }
});
