/**
 * No output, log, metric, email or event of a run contains the key, account data, or a filter, which may name a person. Covers
 * deployed and local runs that succeed or fail in many ways.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { startSimulator } from '../../simulator/simulator.ts';
import { accountExport, temporaryFolder } from '../support/command-line.ts';
import { type DeployedWorld, deployedWorld } from '../support/deployed-world.ts';

const FILTER = 'jane.doe@example.com';
const KEY = { keyId: 'key-4711', secret: 'only:the functions know' };
const KEY_OPTIONS = { keyId: KEY.keyId, keySecret: KEY.secret };
const TENANT = { accounts: 300, segments: { [FILTER]: 1 }, ...KEY_OPTIONS };
const HIDDEN = [
  KEY.keyId,
  KEY.secret,
  Buffer.from(`${KEY.keyId}:${KEY.secret}`).toString('base64'),
  'Basic ',
  // The AWS credentials of the user.
  'a-secret-that-nobody-may-see',
];

let world: DeployedWorld | undefined;
afterEach(() => world?.close());

/** Account names, except short ones that may appear as words. */
function namesOf(tenant: { readonly total: number; json(i: number): string | undefined }): string[] {
  const accounts = Array.from(
    { length: tenant.total },
    (_, i) => JSON.parse(tenant.json(i) ?? '{}') as { name?: string },
  );
  return accounts.flatMap(({ name = '' }) => (name.length > 5 ? [name] : []));
}

function expectNoneOf(hidden: readonly string[], text: string): void {
  expect(hidden.filter((one) => text.includes(one))).toEqual([]);
}

it('deployed: logs, metrics, emails, events, and the command line with --verbose', async () => {
  world = await deployedWorld(TENANT);
  const { faults, simulator, deploy, cli } = world;
  const names = namesOf(simulator.tenant);
  expect(names.length).toBeGreaterThan(250);
  const settings = { name: 'all-accounts', datasetId: 'engage', pageSize: 100, filter: FILTER };
  const ends: string[] = [];
  const output: string[] = [];
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await cli([...args, '--verbose']);
    output.push(stdout, stderr);
    ends.push(world?.aws.stateMachine.executions[0]?.error ?? 'published');
  };

  await world.putKey(KEY);
  deploy({ exports: [settings] });
  await run('start', 'all-accounts');
  await run('start', 'all-accounts', '--json');
  faults.push({ fault: 'html', minPageSize: 100, times: Number.POSITIVE_INFINITY });
  await run('start', 'all-accounts');
  faults.splice(0, 1, { fault: 'reset', minPageSize: 100, times: Number.POSITIVE_INFINITY });
  await run('start', 'all-accounts', '--json');
  faults.splice(0, 1, { fault: { status: 400 }, pages: [2], minPageSize: 100, times: Number.POSITIVE_INFINITY });
  await run('start', 'all-accounts');
  faults.length = 0;
  await run('resume', world.runs()[0] ?? '');
  simulator.tenant.setTotal(20);
  await run('start', 'all-accounts');
  // An invalid filter, and an unreadable input.
  await run('start', 'all-accounts', '--filter', FILTER.repeat(60));
  world.aws.stateMachine.answer('StartExecution', {
    name: 'odd',
    input: JSON.stringify({ filter: { email: FILTER } }),
  });
  await run('status', 'odd');
  simulator.setKey('another', 'key');
  await run('start', 'all-accounts');
  await run('runs', '--json');

  expect(ends).toEqual([
    'published',
    'published',
    'ApiContentError',
    'ApiUnavailableError',
    'ApiRequestError',
    'published',
    'QuarantinedError',
    'QuarantinedError',
    'RequestError',
    'ApiCredentialsError',
    'ApiCredentialsError',
  ]);
  const events = JSON.stringify(world.announced);
  const logged = world.printed.join('');
  for (const found of ['"message":"Plan export failed"', '"message":"Export page done"', '"_aws"'])
    expect(logged).toContain(found);
  expect(events).toContain('Export run published');
  expect(world.emails().length).toBeGreaterThan(5);
  expect(output.join('')).toContain('\n    at ');
  expectNoneOf([...HIDDEN, ...names, FILTER], [logged, events, ...output].join('\n'));
  // Plans and manifests contain the filter, for users with access to the bucket.
  const kept = world.bucket.keys().filter((key) => !key.startsWith('accounts_'));
  const texts = kept.map((key) => `${key} ${world?.bucket.text(key)}`).join('\n');
  expect(texts).toContain(FILTER);
  expectNoneOf([...HIDDEN, ...names], texts);
});

it('local: stdout and stderr with --verbose, and all files except parts', async () => {
  const simulator = await startSimulator(TENANT);
  const names = namesOf(simulator.tenant);
  const out = await temporaryFolder();
  const environment = { PERSONALIZATION_API_KEY_ID: KEY.keyId, PERSONALIZATION_API_KEY_SECRET: KEY.secret };
  const run = (...more: string[]) =>
    accountExport(
      [
        'run',
        '--api-url',
        simulator.url,
        '--dataset',
        'engage',
        '--page-size',
        '100',
        '--out',
        out,
        '--name',
        'people',
        '--filter',
        FILTER,
      ].concat(more, '--verbose'),
      environment,
    );
  try {
    const ended = [
      await run('--run-id', 'first'),
      await run('--run-id', 'quiet', '--quiet'),
      await run('--run-id', 'dry', '--dry-run'),
      await run('--run-id', 'budget', '--max-records', '200'),
      // Reports a conflict between two filters.
      await run('--run-id', 'first', '--filter', `other-${FILTER}`),
      // Is quarantined, because its filter differs from that of the last published run.
      await run('--run-id', 'changed', '--filter', `other-${FILTER}`),
    ];
    simulator.tenant.setTotal(10);
    ended.push(await run('--run-id', 'held'));
    simulator.setKey('another', 'key');
    ended.push(await run('--run-id', 'refused'));
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
    const output = ended.flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n');
    expect(output).toContain('\n    at ');
    expectNoneOf([...HIDDEN, ...names, FILTER], output);
    const files = (await readdir(out, { recursive: true, withFileTypes: true }))
      .filter((file) => file.isFile() && !file.name.startsWith('part-'))
      .map((file) => join(file.parentPath, file.name));
    const kept = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(kept.join('')).toContain('"accountsBefore"');
    expectNoneOf([...HIDDEN, ...names], kept.join('\n'));
  } finally {
    await simulator.close();
  }
});
