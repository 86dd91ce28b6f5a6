/** `query --stack`: one statement in the stack's Athena workgroup. */
import { expect, it } from 'vitest';
import { commandLine, startCommandLine } from '../support/command-line.ts';
import { smallAthena } from '../support/small-athena.ts';
import { cli, recordedSleep, until } from '../support/small-aws-world.ts';

const COLUMNS = [
  { Name: 'name', Type: 'varchar' },
  { Name: 'score', Type: 'double' },
  { Name: 'n', Type: 'bigint' },
  { Name: 'big', Type: 'bigint' },
  { Name: 'yes', Type: 'boolean' },
  { Name: 'attributes', Type: 'json' },
];
const ACME = ['Acme', '0.5', '3', '9223372036854775807', 'true', '{"industry":"Banking"}'];
const NOTHING = ['', undefined, undefined, undefined, undefined, undefined];
const SQL = 'SELECT name FROM accounts_latest';

it('prints all pages of the result, with what was scanned and what it cost', async () => {
  const calls = await smallAthena({
    columns: COLUMNS.slice(0, 3),
    pages: [[['Acme', '0.5', '3']], [['', undefined, '12']]],
  });
  const { code, stdout, stderr } = await cli('query', SQL, '--stack');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n').slice(0, -2)).toEqual([
    'name │ score │  n',
    '─────┼───────┼───',
    'Acme │   0.5 │  3',
    '     │  NULL │ 12',
  ]);
  expect(stdout).toMatch(/\n2 rows in \d+\.\d+ s, 47\.0 MB scanned, 0\.0003 USD\n$/);
  expect(calls[0]).toEqual({
    action: 'StartQueryExecution',
    input: expect.objectContaining({
      QueryString: SQL,
      WorkGroup: 'account_export',
      QueryExecutionContext: { Database: 'account_export' },
    }),
  });
});

it('prints the same JSON as a local query, and the usage on stderr', async () => {
  await smallAthena({ columns: COLUMNS, pages: [[ACME, NOTHING]], scannedBytes: 0 });
  const { stdout, stderr } = await cli('query', SQL, '--stack', 'AccountExport', '--json');
  expect(JSON.parse(stdout)).toEqual([
    { name: 'Acme', score: 0.5, n: 3, big: '9223372036854775807', yes: true, attributes: { industry: 'Banking' } },
    { name: '', score: null, n: null, big: null, yes: null, attributes: null },
  ]);
  // Athena bills at least 10 MB.
  expect(stderr).toBe('0 B scanned, 0.0001 USD\n');
});

it('takes SQL after --stack as SQL, because no stack has a name with spaces', async () => {
  const calls = await smallAthena({ columns: COLUMNS.slice(0, 1) });
  expect((await cli('query', '--stack', SQL)).code).toBe(0);
  expect(calls[0]?.input.QueryString).toBe(SQL);
});

it('keeps the first row of a statement that has no header, such as SHOW TABLES', async () => {
  await smallAthena({ columns: [{ Name: 'tab_name', Type: 'string' }], pages: [[['runs']]], statementType: 'UTILITY' });
  expect(JSON.parse((await cli('query', 'SHOW TABLES', '--stack', '--json')).stdout)).toEqual([{ tab_name: 'runs' }]);
});

it('shows progress on a terminal, and waits longer between polls', async () => {
  await smallAthena({ looks: 8 });
  const { waits, sleep } = recordedSleep();
  const { stderr } = await commandLine(['query', SQL, '--stack'], { isTTY: true, sleep });
  expect(stderr).toContain('Queued  0 s, 47.0 MB scanned; cancel with Ctrl-C');
  expect(stderr).toContain('Running  0 s, 47.0 MB scanned; cancel with Ctrl-C');
  expect(stderr.endsWith('\r\u001b[K')).toBe(true);
  expect(waits).toEqual([250, 375, 562.5, 843.75, 1265.625, 1898.4375, 2000]);
});

it('cancels the query after Ctrl-C', async () => {
  let looked = 0;
  const calls = await smallAthena({
    looks: Number.POSITIVE_INFINITY,
    onLook: (nth) => {
      looked = nth;
    },
  });
  const command = startCommandLine(['query', SQL, '--stack']);
  await until(() => looked >= 2);
  command.interrupt();
  expect(await command.finished).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Canceled after 47.0 MB scanned, 0.0003 USD.\n',
  });
  expect(calls.at(-1)).toEqual({ action: 'StopQueryExecution', input: { QueryExecutionId: 'query-1' } });
});

it('stops a query that it can no longer follow', async () => {
  const calls = await smallAthena({
    fail: ({ action }) =>
      action === 'GetQueryExecution'
        ? { status: 400, type: 'AccessDeniedException', message: 'not authorized to perform: athena:GetQueryExecution' }
        : undefined,
  });
  expect(await cli('query', SQL, '--stack')).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'error: Waiting for query query-1 failed (AccessDeniedException): your AWS credentials lack the permission athena:GetQueryExecution; ask your AWS administrator for it.\n',
  });
  expect(calls.at(-1)?.action).toBe('StopQueryExecution');
});

it.each([
  'CREATE TABLE t AS SELECT 1',
  "/* SELECT */ INSERT INTO t SELECT 'x'",
  ' -- SELECT\nDROP VIEW accounts_latest',
  'DELETE FROM export_runs',
  '(UNLOAD (SELECT 1))',
])('refuses a statement that writes, before it reaches Athena: %s', async (sql) => {
  const calls = await smallAthena();
  expect(await cli('query', sql, '--stack')).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error: Invalid query: only SELECT is allowed.\n',
  });
  expect(calls).toEqual([]);
});

it.each([
  [
    "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not authorized",
    2,
    "error: Query failed: COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not authorized.\n",
  ],
  [
    "INVALID_CAST_ARGUMENT: Cannot cast 'Acme Inc.' to INT",
    1,
    'error: Query query-1 failed (INVALID_CAST_ARGUMENT): open the query in the Athena console for the message.\n',
  ],
  [
    'Insufficient permissions to execute the query. Acme',
    1,
    'error: Query query-1 failed (access denied): ask your AWS administrator for the policy in the output AnalystPolicyArn of the stack.\n',
  ],
])('reports why a query failed, without values of accounts: %s', async (StateChangeReason, code, stderr) => {
  await smallAthena({ end: { State: 'FAILED', StateChangeReason } });
  expect(await cli('query', SQL, '--stack')).toEqual({ code, stdout: '', stderr });
});

it('reports an error of the syntax, which Athena finds before it starts the query', async () => {
  await smallAthena({
    fail: () => ({
      status: 400,
      type: 'InvalidRequestException',
      message: "line 1:8: mismatched input 'FORM'.\nExpecting: '*'",
    }),
  });
  expect((await cli('query', 'SELECT FORM', '--stack')).stderr).toBe(
    "error: Query failed: line 1:8: mismatched input 'FORM'. Expecting: '*'.\n",
  );
});

it('says that the workgroup limits what a query scans', async () => {
  await smallAthena({ end: { State: 'CANCELLED', StateChangeReason: 'Bytes scanned limit was exceeded' } });
  expect((await cli('query', SQL, '--stack')).stderr).toBe(
    'error: Query query-1 was canceled: it scanned more than scanLimitGb allows; filter by export_name or export_date.\n',
  );
});
