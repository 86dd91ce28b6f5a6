/** `init`: five answers become a configuration, typed on a terminal or given as flags. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';

const FLAGS = ['--account', 'acme', '--instance', 'us-5', '--dataset', 'engage', '--schedule', '06:00'];
const WRITTEN = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [{ name: 'engage', datasetId: 'engage', format: 'json', schedule: 'cron(0 6 * * ? *)' }],
};

const configIn = async (folder: string) =>
  (JSON.parse(await readFile(join(folder, 'cdk.json'), 'utf8')) as { context: { accountExport: object } }).context
    .accountExport;

/** Types a line at each prompt of a terminal. */
async function typed(folder: string, lines: readonly string[], flags: readonly string[] = []) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  let [shown, stderr] = ['', ''];
  const left = [...lines];
  stdout.on('data', (data) => {
    shown += data;
    // The line editor writes the prompt of an empty line by itself. Further answers than expected end the input.
    if (String(data) === '> ') stdin.write(left.shift() ?? '\u0004');
  });
  const code = await runCommandLine({
    argv: ['init', '--config', join(folder, 'cdk.json'), ...flags],
    stdin,
    stdout,
    stderr: { write: (text) => (stderr += text) },
    env: {},
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the line editor moves the cursor.
  return { code, stdout: shown.replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, ''), stderr };
}

describe('on a terminal', () => {
  it('asks five questions, with the defaults in brackets', async () => {
    const folder = await temporaryFolder();
    const { code, stdout, stderr } = await typed(folder, [
      'https://acme.us-5.evergage.com/ui/\n',
      'engage\n',
      '\n',
      '\n',
      'data@example.com\n',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const [settings] = WRITTEN.exports;
    expect(await configIn(folder)).toEqual({
      accountName: 'acme',
      instance: 'us-5',
      alarmEmail: 'data@example.com',
      exports: [{ ...settings, timeZone }],
    });
    const questions = [
      'Host name of your account, such as acme.us-5.evergage.com',
      'Dataset to export, by its id',
      'Format: json, csv, parquet [json]',
      `Schedule: time and zone, cron(…), rate(…), or none [06:00 ${timeZone}]`,
      'Email address for failures, or none [none]',
    ];
    const asked = stdout.split(/\r?\n/).filter((line) => questions.includes(line));
    expect(asked).toEqual(questions);
  });

  it('asks again after an invalid answer, with the rule of the stack in one sentence', async () => {
    const folder = await temporaryFolder();
    const answers = ['acme\n', 'ac_me.us-5\n', 'acme.us-5\n', 'my data\n', 'engage\n', 'xml\n', 'csv\n'];
    const more = [
      '25:00\n',
      'cron(0 6 * * *)\n',
      'at(2020-01-01T06:00:00)\n',
      '06:00 Berlin\n',
      'rate(12 hours)\n',
      'me\n',
      'none\n',
    ];
    const { code, stdout } = await typed(folder, [...answers, ...more]);
    expect(code).toBe(0);
    const errors = stdout.split(/\r?\n/).filter((line) => line.startsWith('Invalid '));
    expect(errors.map((line) => line.slice(8, 56))).toEqual([
      'host name ("acme"): use account and instance, su',
      'answer: accountName must be one part of the host',
      'answer: datasetId must have up to 128 letters, d',
      'answer: format must be "json", "csv" or "parquet',
      'schedule ("25:00"): use a time of day (such as 0',
      'answer: schedule must be an expression such as r',
      'answer: schedule must be in the future: choose a',
      'answer: timeZone must be a name of the IANA time',
      'answer: alarmEmail must be an email address (got',
    ]);
    expect(await configIn(folder)).toMatchObject({ exports: [{ format: 'csv', schedule: 'rate(12 hours)' }] });
    expect(await configIn(folder)).not.toHaveProperty('exports.0.timeZone');
  });

  it('asks only for what no flag answers', async () => {
    const folder = await temporaryFolder();
    const { stdout } = await typed(folder, ['\n', '\n'], FLAGS);
    expect(stdout).not.toContain('Host name');
    expect(stdout).not.toContain('Schedule: ');
    expect(await configIn(folder)).toEqual(WRITTEN);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('writes nothing after %s', async (_what, key) => {
    const folder = await temporaryFolder();
    const { code, stderr } = await typed(folder, ['acme.us-5\n', 'engage\n', key]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'Interrupted  nothing was written\n' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('asks before it replaces a configuration', async () => {
    const folder = await temporaryFolder();
    await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS]);
    const before = await readFile(join(folder, 'cdk.json'), 'utf8');
    const other = ['--account', 'other', ...FLAGS.slice(2), '--format', 'csv', '--email', 'none'];
    for (const answer of [['\n'], ['n\n'], ['what\n', 'No\n']]) {
      const { code, stdout, stderr } = await typed(folder, answer, other);
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'Nothing was written.\n' });
      expect(stdout).toContain('already has a configuration for acme.us-5. Replace it? (y/n) [n]');
    }
    expect(await readFile(join(folder, 'cdk.json'), 'utf8')).toBe(before);
    expect((await typed(folder, ['y\n'], other)).code).toBe(0);
    expect(await configIn(folder)).toMatchObject({ accountName: 'other' });
  });
});

describe('without a terminal', () => {
  it('takes every answer as a flag', async () => {
    const folder = await temporaryFolder();
    const flags = ['--time-zone', 'Europe/Berlin', '--email', 'data@example.com', '--format', 'parquet', '--json'];
    const { code, stdout } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS, ...flags]);
    expect(code).toBe(0);
    const accountExport = await configIn(folder);
    expect(JSON.parse(stdout)).toEqual({
      files: ['app.mjs', 'cdk.json'].map((file) => join(folder, file)),
      accountExport,
    });
    expect(accountExport).toEqual({
      ...WRITTEN,
      alarmEmail: 'data@example.com',
      exports: [{ ...WRITTEN.exports[0], format: 'parquet', timeZone: 'Europe/Berlin' }],
    });
    expect(parseStackConfig(accountExport)).toMatchObject({ accountName: 'acme' });
  });

  it.each<[string[], RegExp]>([
    [['--account', 'acme'], /^error: Missing --instance, --dataset, --schedule: without a terminal, pass every answer/],
    [[...FLAGS, '--schedule', 'daily'], /^error: Invalid schedule \("daily"\): use a time of day \(such as 06:00\)/],
    [[...FLAGS, '--email', 'me'], /^error: Invalid command line: --email must be an email address \(got "me"\)\.\n$/],
    [
      [...FLAGS.slice(2), '--account', 'a_b', '--time-zone', 'Berlin'],
      /^error: Invalid command line: --account must be .*; --time-zone must be a name/,
    ],
    [
      [...FLAGS, '--schedule', 'none', '--time-zone', 'UTC'],
      /^error: .* --time-zone must not be set without a schedule/,
    ],
  ])('names what is missing or invalid, and writes nothing: %j', async (flags, message) => {
    const folder = await temporaryFolder();
    const { code, stdout, stderr } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it('replaces a configuration only with --force', async () => {
    const folder = await temporaryFolder();
    const init = (...flags: string[]) =>
      commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS, ...flags]);
    await init();
    expect(await init()).toMatchObject({
      code: 2,
      stderr: `error: ${join(folder, 'cdk.json')} already has a configuration for acme.us-5: pass --force to replace it.\n`,
    });
    expect((await init('--force', '--format', 'csv')).code).toBe(0);
    expect(await configIn(folder)).toMatchObject({ exports: [{ format: 'csv' }] });
  });
});

describe('the file', () => {
  it('of a clone changes in its configuration only, byte for byte', async () => {
    const folder = await temporaryFolder();
    const before = await readFile('cdk.json', 'utf8');
    await writeFile(join(folder, 'cdk.json'), before);
    const { stdout } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS, '--force']);
    const after = await readFile(join(folder, 'cdk.json'), 'utf8');
    const around = (text: string) =>
      [text.indexOf('"accountExport": {'), text.indexOf('"@aws-cdk-containers')] as const;
    const parts = [before, after].map((text) => [text.slice(0, around(text)[0]), text.slice(around(text)[1])]);
    expect(parts[1]).toEqual(parts[0]);
    expect(await configIn(folder)).toEqual(WRITTEN);
    expect(await readdir(folder)).toEqual(['cdk.json']);
    expect(stdout).toContain('npm run deploy\n');
    expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes(folder))).toEqual([]);
  });

  it.each<[string, object]>([
    ['of another app', { app: 'node bin/app.js', context: { accountExport2: { accountExport: 1 }, flag: true } }],
    ['without a context', { app: 'node bin/app.js', output: 'context' }],
  ])('%s keeps everything else, and the output says how to read it', async (_what, content) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'cdk.json'), JSON.stringify(content));
    const { stdout } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS]);
    const { context, ...others } = JSON.parse(await readFile(join(folder, 'cdk.json'), 'utf8'));
    const before = content as { context?: object };
    expect(context).toEqual({ ...before.context, accountExport: WRITTEN });
    expect({ ...others, context: before.context }).toEqual({ ...content, context: before.context });
    expect(stdout).toContain("app.node.tryGetContext('accountExport')");
    expect(stdout).not.toContain('npm run');
    expect(await readdir(folder)).toEqual(['cdk.json']);
  });

  it('of a new app comes with commands that work without a clone', async () => {
    const folder = await temporaryFolder();
    const { stdout } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS]);
    expect(stdout).not.toContain('npm run');
    for (const command of ['npx cdk synth', 'npx cdk deploy', 'npx account-export start', 'npx account-export run'])
      expect(stdout).toContain(command);
  });

  it('may begin with a byte order mark, and its configuration may be odd', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'cdk.json');
    const init = () => commandLine(['init', '--config', path, ...FLAGS]);
    await writeFile(path, '\uFEFF{"context":{"accountExport":{"accountName":{"x":1}}}}');
    expect((await init()).stderr).toBe(`error: ${path} already has a configuration: pass --force to replace it.\n`);
    await writeFile(path, '{"context":{"accountExport":null}}');
    expect((await init()).code).toBe(0);
  });

  it('that is no JSON stays as it is', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'cdk.json'), '{');
    const { code, stderr } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Invalid JSON in \S+cdk\.json/);
    expect(await readFile(join(folder, 'cdk.json'), 'utf8')).toBe('{');
  });

  it('is not written where another app.mjs is', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'app.mjs'), 'mine');
    const { code, stderr } = await commandLine(['init', '--config', join(folder, 'cdk.json'), ...FLAGS]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: Cannot write the CDK app to \S+app\.mjs \(another file has this name\)/);
    expect(await readdir(folder)).toEqual(['app.mjs']);
  });
});
