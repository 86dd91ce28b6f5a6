/** Deploys the synthesized stack to the emulator, runs exports, and compares S3 with what the simulated tenant served. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { ATTRIBUTES } from '../../simulator/accounts.ts';
import { expectSameAccount } from '../support/exact-json.ts';
import { expectAllAccounts, expectedFromCsv, expectedFromJson } from '../support/expected-account.ts';
import { type DeployedStack, startDeployedStack, until } from './deployed-stack.ts';
import { manifestOf, objectsBelow, partitionsOf, rowsIn, sha256 } from './stored.ts';

const ACCOUNTS = 1234;
const KEY = { keyId: 'demo-key', secret: 'demo:secret' };
const COLUMNS =
  'name, engagement_score, engagement_percent_change, first_activity, last_activity, total_actions, account_status, attributes';

let stack: DeployedStack;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-export-e2e-rows-'));
  stack = await startDeployedStack({
    accounts: ACCOUNTS,
    shuffleCsvColumns: true,
    faults: [
      // More than the attempts of the client: the workflow must retry, by the error's name.
      { fault: { status: 503 }, minPageSize: 400, maxPageSize: 400, pages: [1], times: 5 },
      { fault: { status: 403 }, minPageSize: 300, maxPageSize: 300, pages: [2] },
      { fault: 'hang', minPageSize: 200, maxPageSize: 200, pages: [1], times: 100 },
    ],
  });
});

afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What `doctor --stack` finds, by the name of the check. */
async function diagnosis(): Promise<Record<string, { status: string; detail: string }>> {
  const { stdout } = await stack.cli('doctor', '--stack', '--json');
  const findings = JSON.parse(stdout) as { name: string; status: string; detail: string }[];
  return Object.fromEntries(
    findings.map((finding) => [
      finding.name === 'latest run' ? `latest run: ${finding.detail.split(/[ :]/)[0]}` : finding.name,
      finding,
    ]),
  );
}

/** The report of a run, from the link that `report` prints. */
async function reportOf(runId: string): Promise<string> {
  const { code, stdout } = await stack.cli('report', runId, '--stack', '--json');
  expect(code).toBe(0);
  const response = await fetch((JSON.parse(stdout) as { url: string }).url);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  return await response.text();
}

describe('a stack without an API key', () => {
  it('is diagnosed by doctor', async () => {
    expect(await diagnosis()).toMatchObject({
      connection: { status: 'ok' },
      stack: { status: 'ok' },
      'API key': { status: 'fail', detail: expect.stringContaining('no key was stored') },
      notifications: { status: 'ok' },
      catalog: { status: 'ok' },
      schedules: { status: 'ok' },
      'dead letters': { status: 'ok' },
      'latest run: all-accounts': { status: 'warn', detail: 'all-accounts has not run yet' },
    });
  });

  it('fails a run with a message that says what to do', async () => {
    const { code, stderr } = await stack.cli('start', 'all-accounts');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*\{"keyId":"…","secret":"…"\}.*\n$/);
  });

  it('uses the key that the command in its output stores', async () => {
    const [, SecretId = ''] = /--secret-id (\S+) /.exec(stack.outputs.PutKeyCommand ?? '') ?? [];
    await stack.aws.secrets.putSecretValue({ SecretId, SecretString: JSON.stringify(KEY) });
    const { status } = await stack.execute({ exportName: 'all-accounts', dryRun: true }, 'dry');
    expect(status).toBe('SUCCEEDED');
    expect(await diagnosis()).toMatchObject({ 'API key': { status: 'ok' } });
  });
});

describe.each(['json', 'csv', 'parquet'] as const)('a %s export', (format) => {
  const runId = `whole-${format}`;
  let outcome: Awaited<ReturnType<DeployedStack['execute']>>;

  beforeAll(async () => {
    const request = { exportName: format, datasetId: 'engage', format, pageSize: 500, dueAt: '2026-08-22T02:00:00Z' };
    outcome = await stack.execute(request, runId);
  });

  it('is published and emits an event', async () => {
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.output).toMatchObject({
      status: 'published',
      runId,
      accounts: ACCOUNTS,
      pages: 3,
      verdict: 'consistent',
    });
    const event = JSON.parse(await stack.events.with('Export run published', runId)) as Record<string, unknown>;
    expect(event).toMatchObject({ source: 'account-export', detail: outcome.output });
  });

  it('writes the parts that its manifest describes and nothing else', async () => {
    const manifest = await manifestOf(stack, runId);
    const ending = { json: 'json.gz', csv: 'csv.gz', parquet: 'parquet' }[format];
    const below = `accounts_${format}/export_name=${format}/export_date=2026-08-22/run_id=${runId}/`;
    expect(manifest).toMatchObject({ version: 1, records: ACCOUNTS, distinctAccounts: ACCOUNTS, duplicates: 0 });
    expect(manifest.parts.map(({ key }) => key)).toEqual([0, 1, 2].map((page) => `${below}part-0000${page}.${ending}`));
    const parts = await objectsBelow(stack, below);
    expect([...parts].map(([key, bytes]) => [key, bytes.length, sha256(bytes)])).toEqual(
      manifest.parts.map(({ key, bytes, sha256: digest }) => [key, bytes, digest]),
    );
  });

  it('adds one partition to its table, the newest runs and the manifests', async () => {
    expect(await partitionsOf(stack, `accounts_${format}`)).toContain(`${format}/2026-08-22/${runId}`);
    expect(await partitionsOf(stack, `newest_${format}`)).toContain(`${format}/2026-08-22/${runId}`);
    expect(await partitionsOf(stack, 'export_runs')).toContain(runId);
  });

  it('contains every account of the tenant once', async () => {
    const { tenant } = stack.simulator;
    const rows = await rowsIn(stack, folder, `SELECT ${COLUMNS} FROM accounts_latest WHERE export_name = '${format}'`);
    expectAllAccounts(rows, tenant, (i) =>
      format === 'csv' ? expectedFromCsv(tenant, i, ATTRIBUTES) : expectedFromJson(tenant, i),
    );
    // The view removes duplicates, so the table is counted too.
    const count = `SELECT CAST(count(*) AS INTEGER) AS records FROM accounts_${format} WHERE run_id = '${runId}'`;
    expect(await rowsIn(stack, folder, count)).toEqual([{ records: ACCOUNTS }]);
  });
});

it('keeps every digit of JSON values', async () => {
  const parts = await objectsBelow(stack, 'accounts_json/export_name=json/');
  const lines = [...parts.values()].flatMap((part) => gunzipSync(part).toString().split('\n').slice(0, -1));
  expect(lines).toHaveLength(ACCOUNTS);
  for (const [i, line] of lines.entries()) expectSameAccount(line, stack.simulator.tenant.json(i) ?? '');
});

describe('a failing run', () => {
  it('is retried by the workflow, by the name of the error', async () => {
    const { status, output } = await stack.execute({ datasetId: 'engage', pageSize: 400 }, 'unavailable');
    expect(status).toBe('SUCCEEDED');
    expect(output).toMatchObject({ status: 'published', accounts: ACCOUNTS });
    // Four requests of the first attempt and the first of the second: five 503 responses.
    expect((await manifestOf(stack, 'unavailable')).retries).toBeGreaterThanOrEqual(5);
  });

  it('fails with an error name, an event and a notification, publishes nothing, and can be resumed', async () => {
    const request = { exportName: 'all-accounts', pageSize: 300 };
    const { status, error, cause } = await stack.execute(request, 'fails');
    expect({ status, error }).toEqual({ status: 'FAILED', error: 'ApiCredentialsError' });
    expect(cause).toContain('"engage"');
    expect(cause).toContain('403');
    const event = JSON.parse(await stack.events.with('Export run failed', 'fails')) as { detail: object };
    expect(event.detail).toMatchObject({ status: 'failed', error: 'ApiCredentialsError', resume: { resume: 'fails' } });
    const email = JSON.parse(await stack.notifications.with('fails')) as { Subject: string; Message: string };
    expect(email.Subject).toMatch(/all-accounts.*failed/);
    expect(email.Message).toContain('{"resume":"fails"}');
    expect(await partitionsOf(stack, 'export_runs')).not.toContain('fails');
    expect(await reportOf('fails')).toContain('ApiCredentialsError');
    expect(await diagnosis()).toMatchObject({
      'latest run: all-accounts': { status: 'fail', detail: expect.stringContaining('failed') },
    });

    const { code, stdout } = await stack.cli('resume', 'fails');
    expect(code).toBe(0);
    expect(stdout).toContain('1,234 accounts');
    expect(await reportOf('fails')).toContain('1,234 accounts, published, consistent.');
    expect(await partitionsOf(stack, 'export_runs')).toContain('fails');
  });

  it('locks its export while it runs, and is reported by a notification when it is stopped', async () => {
    const { sfn } = stack.aws;
    const stateMachineArn = stack.outputs.StateMachineArn ?? '';
    const input = { datasetId: 'engage', pageSize: 200 };
    const { executionArn } = await sfn.startExecution({
      stateMachineArn,
      name: 'stopped',
      input: JSON.stringify(input),
    });
    await until('a hanging page', async () =>
      stack.simulator.requests.some(({ pageSize, page }) => pageSize === 200 && page === 1) ? true : undefined,
    );
    const { status, output } = await stack.execute(input, 'meanwhile');
    expect(status).toBe('SUCCEEDED');
    expect(output).toMatchObject({
      outcome: 'skipped',
      lockedBy: 'stopped',
      reason: expect.stringContaining('"stopped"'),
    });
    await sfn.stopExecution({ executionArn });
    expect(await stack.notifications.with('run stopped was stopped')).toContain('resume stopped');
  });
});

it('quarantines a run whose accounts dropped, and publishes it on request', async () => {
  const { tenant } = stack.simulator;
  tenant.setTotal(100);
  const { error } = await stack.execute({ exportName: 'json', datasetId: 'engage' }, 'dropped');
  tenant.setTotal(ACCOUNTS);
  expect(error).toBe('QuarantinedError');
  expect(await stack.notifications.with('dropped')).toContain('quarantined');
  const { code } = await stack.cli('publish', 'dropped');
  expect(code).toBe(0);
  expect(await partitionsOf(stack, 'export_runs')).toContain('dropped');
});

describe('the output of runs', () => {
  it('logs each step with the ids of the run', async () => {
    const lines = (await stack.logLines()).filter((line) => line.includes('"whole-json"'));
    const logged = lines.map((line) => JSON.parse(line) as { message: string; page?: number; exportName: string });
    expect(logged.every(({ exportName }) => exportName === 'json')).toBe(true);
    const done = logged.filter(({ message }) => message.endsWith(' done'));
    expect(done.map(({ message, page }) => `${message} ${page ?? ''}`.trim()).sort()).toEqual([
      'Export page done 0',
      'Export page done 1',
      'Export page done 2',
      'Plan export done',
      'Publish run done',
    ]);
  });

  it('reveals neither the key nor an account in logs, metrics, traces, events, notifications, states or stored JSON', async () => {
    const { sfn } = stack.aws;
    const { executions = [] } = await sfn.listExecutions({ stateMachineArn: stack.outputs.StateMachineArn });
    const histories = await Promise.all(
      executions.map(async ({ executionArn }) => JSON.stringify(await sfn.getExecutionHistory({ executionArn }))),
    );
    const stored = [...(await objectsBelow(stack, 'work/')), ...(await objectsBelow(stack, 'export_runs/'))];
    const everything = [
      ...(await stack.logLines()),
      ...stack.traces,
      ...(await stack.events.all()),
      ...(await stack.notifications.all()),
      ...histories,
      ...stored.map(([key, bytes]) => `${key} ${bytes}`),
    ].join('\n');
    for (const expected of [
      '"_aws"',
      'Export page done',
      '"format": "json"',
      'ApiCredentialsError',
      'run_id=whole-json/plan.json',
    ])
      expect(everything).toContain(expected);
    const names = [0, 1, 500, 1233].map((i) => JSON.parse(stack.simulator.tenant.json(i) ?? '{}').name as string);
    for (const secret of [
      'demo:secret',
      Buffer.from('demo-key:demo:secret').toString('base64'),
      ...names,
      'Globex',
      'García',
    ])
      expect(everything).not.toContain(secret);
  });
});

it('keeps one run of each export in the table of the newest runs', async () => {
  expect((await partitionsOf(stack, 'newest_json')).map((partition) => partition.split('/')[0])).toEqual([
    'all-accounts',
    'engage',
    'json',
  ]);
});

it('saves the queries for analysts in its workgroup', async () => {
  const { athena } = stack.aws;
  const { NamedQueryIds = [] } = await athena.listNamedQueries({ WorkGroup: stack.outputs.Workgroup });
  const { NamedQueries = [] } = await athena.batchGetNamedQuery({ NamedQueryIds });
  expect(NamedQueries.map(({ Name }) => Name).sort()).toEqual(SAVED_QUERIES.map(({ name }) => name).sort());
});

it('enforces the permissions of functions: without access to the catalog, a run fails and can be resumed', async () => {
  const { iam } = stack.aws;
  const { Roles = [] } = await iam.listRoles({});
  const RoleName = Roles.find((role) => role.RoleName?.includes('PublishRunRole'))?.RoleName ?? '';
  const { PolicyNames: [PolicyName = ''] = [] } = await iam.listRolePolicies({ RoleName });
  const { PolicyDocument = '' } = await iam.getRolePolicy({ RoleName, PolicyName });
  const document = decodeURIComponent(PolicyDocument);
  expect(document).toContain('glue:BatchCreatePartition');
  const reduced = document.replaceAll('"glue:BatchCreatePartition"', '"glue:GetDatabase"');
  await iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: reduced });
  const { error, cause } = await stack.execute({ exportName: 'parquet', datasetId: 'engage' }, 'no-access');
  expect(error).toBe('ConfigError');
  expect(cause).toMatch(/partition .+ failed \(AccessDeniedException\)/);
  await iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: document });
  expect((await stack.execute({ resume: 'no-access' }, 'access')).status).toBe('SUCCEEDED');
});
