/** Arguments, help texts and exit codes, for every command. */
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { commandLine, KEY_ENVIRONMENT, temporaryFolder } from '../support/command-line.ts';

const COMMANDS = [
  'init',
  'run',
  'query',
  'report',
  'simulate',
  'doctor',
  'start',
  'runs',
  'status',
  'resume',
  'publish',
  'reattach',
];

describe('--help', () => {
  it.each(['', ...COMMANDS])('fits into 80 columns: %s', async (command) => {
    const { code, stdout, stderr } = await commandLine([...(command ? [command] : []), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('shows no default of a flag that adds to a list', async () => {
    expect((await commandLine(['simulate', '--help'])).stdout).not.toContain('[]');
  });

  it.each(COMMANDS.filter((name) => name !== 'simulate'))('shows an example of %s', async (name) => {
    expect((await commandLine([name, '--help'])).stdout).toContain(`npm run --silent account-export -- ${name} `);
  });

  it('lists every command, and redrive only as a hidden alias of resume', async () => {
    const listed = (await commandLine(['--help'])).stdout.match(/^ {2}[a-z]+(?= .*\[options\])/gm) ?? [];
    expect(listed.map((line) => line.trim())).toEqual(COMMANDS);
    expect((await commandLine(['redrive', '--help'])).stdout).toContain('finished pages are not fetched again');
  });
});

describe('an unexpected error', () => {
  const failing = async (...argv: string[]) => {
    let stderr = '';
    const stdout = {
      write() {
        throw new TypeError('Cannot read it');
      },
    };
    const code = await runCommandLine({ argv, stdout, stderr: { write: (text) => (stderr += text) }, env: {} });
    return { code, stderr };
  };

  it('says what to do next, which every command accepts', async () => {
    expect(await failing('--help')).toEqual({
      code: 1,
      stderr: 'error: Unexpected error (Cannot read it): run the command again with --verbose and report the output.\n',
    });
    for (const command of COMMANDS) expect((await commandLine([command, '--help'])).stdout).toContain('--verbose');
  });

  it('prints the stack trace with --verbose', async () => {
    const { stderr } = await failing('run', '--verbose', '--help');
    expect(stderr).toMatch(/^error: Unexpected error \(Cannot read it\): report it with this stack trace\.\nTypeError/);
  });
});

describe('exit code 2', () => {
  const host = ['--api-url', 'http://127.0.0.1:1'];
  const dataset = ['run', ...host, '--dataset', 'x'];
  it.each([
    [[], /Usage: account-export/],
    [['export'], /^error: unknown command 'export'/],
    [['run', ...host], /^error: Missing --dataset: pass the dataset to export, or --config cdk\.json\.\n$/],
    [['run', ...host, '--datset', 'x'], /^error: unknown option '--datset'\n\(Did you mean --dataset\?\)/],
    [['run', '--dataset', 'x'], /^error: Missing API host: pass either --account and --instance, or --api-url\.\n$/],
    [['run', '--dataset', 'x', '--account', 'a'], /^error: Missing API host/],
    [
      [...dataset, '--account', 'a'],
      /^error: Conflicting API host \(--api-url and --account\): pass only one of them\.\n$/,
    ],
    [['query', 'SELECT 1', '--json', '--csv'], /^error: Conflicting flags: pass either --json or --csv\.\n$/],
    [['run', '--dataset', 'x', '--account', 'evil.example/', '--instance', 'i'], /^error: .*"evil\.example\/"/],
    [['run', ...host, '--dataset', '../x'], /^error: .*"\.\.\/x"/],
    [
      [...dataset, '--page-size', '5k'],
      /^error: option '--page-size <n>' argument '5k' is invalid\. Use an integer from 1 to 50000\./,
    ],
    [[...dataset, '--page-size', '99999'], /^error: .*99999/],
    [[...dataset, '--concurrency', '0'], /argument '0' is invalid\. Use an integer from 1 to 1000\./],
    [[...dataset, '--format', 'xml'], /Allowed choices are json, csv, parquet/],
    [[...dataset, '--window', '7 days'], /^error: .*"7 days"/],
    [[...dataset, '--start', 'yesterday'], /^error: .*"yesterday"/],
    [[...dataset, '--nonsense'], /^error: unknown option '--nonsense'/],
    [
      [...dataset, '--out', 's3://'],
      /^error: Invalid --out \("s3:\/\/"\): use s3:\/\/bucket\/prefix with a bucket name/,
    ],
    [[...dataset, '--attribute-columns', '"a,b'], /is invalid\. Close the double quotes, as in 'name,"city, state"'\./],
    [['run', '--api-url', 'ftp://x', '--dataset', 'x'], /^error: Invalid --api-url: use an http or https URL/],
    [['publish', '../x', '--out', './out'], /^error: .*"\.\.\/x"/],
    [
      ['publish', 'run-1', '--out', './out', '--stack', 'A', '--region', 'eu-west-1', '--no-follow'],
      /^error: Conflicting flags: --out is for a run on this machine, and --stack, --region, --no-follow for a deployed run\.\n$/,
    ],
    [['query', 'SELECT 1', '--out', 's3://bucket'], /^error: Cannot query "s3:\/\/bucket": --out must be a folder/],
    [['start', 'all-accounts', '--window', '7 days', '--due', 'yesterday'], /"7 days".*"yesterday"/],
    [
      ['start', 'all-accounts', '--overlap', 'queue'],
      /^error: option '--overlap <policy>' argument 'queue' is invalid/,
    ],
    [['status', 'run-1', '--stop', '--no-follow'], /^error: Conflicting flags: pass either --stop or --no-follow\.\n$/],
    [['simulate', '--accounts', 'many'], /argument 'many' is invalid\. Use an integer of at least 0\./],
    [['simulate', '--fault', 'oops'], /^error: .*"oops"/],
  ])('reports what is allowed, without a stack trace: %j', async (args, message) => {
    const { code, stdout, stderr } = await commandLine(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\bat .*\.ts:\d+/);
  });

  it.each([
    [['--dataset', 'a b'], /^error: Invalid command line: --dataset must have [^;]*\(got "a b"\)\.\n$/],
    [['--name', 'a b'], /: --name must have .* \(got "a b"\)\.\n$/],
    [['--attribute-columns', 'a,,b'], /: --attribute-columns\[1\] must not be empty \(got ""\)\.\n$/],
    [['--segment-id', '', '--name', 'x'], /: --segment-id must not be empty \(value not shown\)\.\n$/],
    [['--window', 'P7D', '--end', '2026-08-01'], /: --window must not be set together with --start or --end \(got/],
    [['--start', '2026-08-02', '--end', '2026-08-01'], /: --end must be later than --start \(got "2026-08-01"\)\.\n$/],
    [['--account', 'acme.x', '--instance', 'us-5'], /^error: Invalid --account \("acme\.x"\): use one part of/],
  ])('names the flag that was typed, not the key of a configuration: %j', async (args, message) => {
    const { code, stderr } = await commandLine([
      'run',
      ...(args.includes('--account') ? [] : host),
      ...['--dataset', 'x'],
      ...args,
    ]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('names the flag --due of start', async () => {
    const { stderr } = await commandLine(['start', 'a b', '--due', 'tomorrow']);
    expect(stderr).toMatch(/the name of the export must have .*; --due must be a date .* \(got "tomorrow"\)\.\n$/);
  });

  it('names the missing half of the API key', async () => {
    const { PERSONALIZATION_API_KEY_ID } = KEY_ENVIRONMENT;
    const out = await temporaryFolder();
    const { code, stderr } = await commandLine([...dataset, '--out', out], { env: { PERSONALIZATION_API_KEY_ID } });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: Missing API key: set PERSONALIZATION_API_KEY_SECRET, or pass --secret-id.\n',
    });
  });
});
