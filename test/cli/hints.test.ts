/** Messages that name what the user typed, and say what to do next. */
import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { withFlagNames } from '../../cli/flags/export-flags.ts';
import { printPublished } from '../../cli/terminal/print-run.ts';
import { ExportRequestSchema } from '../../functions/model/export-settings.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { commandLine, startCommandLine, temporaryFolder } from '../support/command-line.ts';
import { smallWorld, start as startDeployed } from '../support/small-aws-world.ts';
import { until } from '../support/until.ts';

const running: Simulator[] = [];
afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close();
});

async function simulated(options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ accounts: 40, ...options });
  running.push(simulator);
  const out = await temporaryFolder();
  const args = ['run', '--api-url', simulator.url, '--dataset', 'engage', '--page-size', '10', '--out', out];
  return { simulator, out, args, run: (...more: string[]) => commandLine([...args, ...more]) };
}

describe('messages about flags', () => {
  it.each(Object.keys(ExportRequestSchema.shape))('name the flag of %s', (key) => {
    const flags = withFlagNames(
      `Run "x" was planned with other parameters (${key} was now, now is; ${key} differs): check the parameters (name, ${key}, ${key}).`,
    );
    expect(flags).not.toMatch(new RegExp(`(?<!-)\\b${key}\\b(?!-)`));
    expect(flags.match(/--[a-z]/g)).toHaveLength(4);
  });

  it('leave words alone that are also names of flags', () => {
    const text = 'To start a new run of the export, check the filter and the format: the window is at its end.';
    expect(withFlagNames(text)).toBe(text);
  });

  it('name every flag that differs from those of the run', async () => {
    const { run } = await simulated({ faults: [{ fault: { status: 404 }, minPageSize: 10, pages: [2] }] });
    await run('--run-id', 'a');
    const { stderr } = await run(
      ...['--run-id', 'a', '--name', 'other', '--format', 'csv', '--filter', 'x', '--start', '2026-08-01'],
      ...['--end', '2026-08-02', '--segment-id', 's', '--segmentation-id', 't'],
    );
    const [, differences = ''] = /other parameters \((.*?)\): resume it/.exec(stderr) ?? [];
    const flags = differences.split('; ').map((difference) => difference.split(' ')[0]);
    expect(flags).toEqual([
      ...['--name', '--format', '--filter', '--segmentation-id', '--segment-id', '--start', '--end'],
    ]);
  });

  it('name the flags of the API host that was given', async () => {
    const { run } = await simulated({ datasets: ['other'] });
    expect((await run()).stderr).toMatch(/^error: 404 .*: check the dataset and --api-url\.\n/);
    expect(withFlagNames('check the dataset, accountName and instance.')).toBe(
      'check the dataset, --account and --instance.',
    );
  });

  it('name the flags that were typed for a deployed run, and else its configuration', async () => {
    await smallWorld({ accounts: 4000, pageSizeCap: 250 });
    expect((await startDeployed('--page-size', '500')).stderr).toMatch(/start a new run with --page-size 250\./);
    expect((await startDeployed()).stderr).toMatch(/start a new run with pageSize 250\./);
  });
});

describe('attribute columns', () => {
  const columnsOf = async (...flags: string[]) => {
    const { aws } = await smallWorld();
    await startDeployed('--no-follow', ...flags);
    return (JSON.parse(String(aws.callsOf('StartExecution').at(-1)?.input.input)) as { attributeColumns: string[] })
      .attributeColumns;
  };

  it.each<[string[], string[]]>([
    [['a, b ,c'], ['a', 'b', 'c']],
    [
      ['a', 'b,c'],
      ['a', 'b', 'c'],
    ],
    [['"city, state",name'], ['city, state', 'name']],
    [['a, "b ""x"", c" ,d'], ['a', 'b "x", c', 'd']],
    [['5" pipe,x'], ['5" pipe', 'x']],
    [['two\nlines,x'], ['two\nlines', 'x']],
  ])('are a line of CSV, and the flag can be repeated: %j', async (values, columns) => {
    expect(await columnsOf(...values.flatMap((value) => ['--attribute-columns', value]))).toEqual(columns);
  });
});

const PUBLISHED = {
  ...{ accounts: 1, distinctAccounts: 1, seconds: 1, bytes: 1, runId: 'r', parts: 'parts', manifest: 'manifest' },
  verdict: 'consistent',
} as const;

describe('the warning about fields without a column', () => {
  const NAMES = ['industry', 'region', 'employees', 'annualRevenue', 'owner', 'tier', 'crmId', 'tags'];

  it('names the flag for CSV, with names as the flag takes them', async () => {
    const { run } = await simulated();
    const { stdout } = await run('--format', 'csv', '--attribute-columns', NAMES.join());
    expect(stdout).toContain(
      'Warning    the table has no column for these fields; the parts contain them\n' +
        '           (to query them, append them to --attribute-columns):\n           note\n',
    );
  });

  it('names no flag for JSON, which has no columns to configure', async () => {
    const { run } = await simulated({ accounts: 400 });
    expect((await run('--page-size', '400')).stdout).toContain(
      '; the parts contain them:\n           healthIndex\n  run ',
    );
  });

  it('is apart from values that the parts have twice, which are no unknown fields', () => {
    const lines: string[] = [];
    const unmappedColumns = ['attributes_sent_as_array', 'engagementScore_as_sent', 'healthIndex', 'note_as_sent'];
    printPublished({ out: (line) => lines.push(line) }, { ...PUBLISHED, unmappedColumns }, 'local');
    expect(lines.slice(2, -3)).toEqual([
      'Warning    the table has no column for these fields; the parts contain them:',
      '           healthIndex, note_as_sent',
      'Note       some values do not fit their column, or were converted to fit; the',
      '           parts also contain them as sent ("Odd values" in docs/athena.md):',
      '           attributes_sent_as_array, engagementScore_as_sent',
    ]);
  });

  it('is not printed for values as sent alone', () => {
    const lines: string[] = [];
    printPublished(
      { out: (line) => lines.push(line) },
      { ...PUBLISHED, unmappedColumns: ['totalActions_as_sent', 'superseded_as_sent'] },
      'local',
    );
    expect(lines.filter((line) => line.startsWith('Warning'))).toEqual([]);
    expect(lines).toContain('           totalActions_as_sent, superseded_as_sent');
  });

  it('is not printed for the accounts of simulate, unless --unknown-field asks for it', async () => {
    for (const [flags, fields] of [
      [[], []],
      [['--unknown-field'], ['healthIndex']],
    ] as const) {
      const simulate = startCommandLine(['simulate', '--accounts', '400', '--port', '0', ...flags]);
      await until(() => simulate.stdout().includes('--dataset engage'));
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(simulate.stdout())?.[0] ?? '';
      const out = await temporaryFolder();
      const { stdout } = await commandLine(['run', '--api-url', url, '--dataset', 'engage', '--out', out, '--json']);
      expect(JSON.parse(stdout)).toMatchObject({ records: 400, unmappedColumns: fields });
      simulate.interrupt();
      await simulate.finished;
    }
  });
});

describe('the hint to resume', () => {
  const broken = (times: number): SimulatorOptions => ({
    faults: [{ fault: { status: 403 }, minPageSize: 10, pages: [2], times }],
  });

  it('names the run id after a command without it', async () => {
    const { run } = await simulated(broken(1));
    const [, hint] = (await run()).stderr.split('\n');
    expect(hint).toMatch(/^To resume: fix the cause, then repeat the run command with --run-id \d{8}T\d{6}Z-\w{4}$/);
  });

  it('does not tell to repeat what was just refused', async () => {
    const { run } = await simulated(broken(2));
    await run('--run-id', 'a');
    const { stderr } = await run('--run-id', 'a');
    expect(stderr.split('\n')[1]).toBe('To resume: fix the cause, then repeat this command');
  });

  it('asks for nothing else if the failure was transient', async () => {
    const { run } = await simulated({
      faults: [{ fault: { status: 500 }, minPageSize: 10, pages: [2], times: 10_000 }],
    });
    const { stderr } = await run('--run-id', 'a');
    expect(stderr.split('\n')[1]).toBe('To resume: repeat this command');
  });

  it('asks for a higher record budget', async () => {
    const { run, simulator } = await simulated({
      onRequest: ({ pageSize, page }) => {
        // Changes the key once the run is planned, so that its budget can be lowered later.
        if (pageSize === 10 && page === 2) simulator.setKey('demo-key', 'other');
      },
    });
    await run('--run-id', 'a', '--max-records', '1000');
    simulator.setKey('demo-key', 'demo:secret');
    const { stderr } = await run('--run-id', 'a', '--max-records', '20');
    expect(stderr).toMatch(/^error: Record budget .*--max-records/);
    expect(stderr.split('\n')[1]).toBe('To resume: raise --max-records, then repeat this command');
  });
});

describe('Ctrl-C', () => {
  async function interrupted(...flags: string[]) {
    const { args, simulator, out } = await simulated({ latencyMs: 60_000 });
    const run = startCommandLine([...args, '--run-id', 'a', ...flags]);
    await until(() => simulator.requests.length > 0);
    run.interrupt();
    const finished = await run.finished;
    await rm(out, { recursive: true, force: true, maxRetries: 10 });
    return finished;
  }

  it('before the plan is no error, and offers nothing to resume', async () => {
    expect(await interrupted('--quiet')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Interrupted  run a before it was planned; nothing was exported\n',
    });
  });

  it('ends a dry run', async () => {
    expect(await interrupted('--dry-run')).toEqual({ code: 1, stdout: '', stderr: 'Interrupted  the dry run\n' });
  });
});

describe('--version', () => {
  it('prints the version', async () => {
    expect(await commandLine(['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });
});

describe('a dry run', () => {
  it('estimates the price of a run on AWS only', async () => {
    const { run } = await simulated();
    expect((await run('--dry-run')).stdout).not.toContain('AWS');
    await smallWorld();
    expect((await startDeployed('--dry-run')).stdout).toContain(' USD on AWS, without storage and queries');
  });
});

describe('--quiet with --json', () => {
  it('prints the JSON and nothing else, as --help says', async () => {
    const { run } = await simulated();
    const { code, stdout, stderr } = await run('--json', '--quiet');
    expect({ code, stderr, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, stderr: '', lines: 1 });
    expect((await commandLine(['run', '--help'])).stdout).toContain('print only errors, and with --json also the JSON');
  });
});
