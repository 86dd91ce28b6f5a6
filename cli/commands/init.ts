import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { deployCommand, FROM_THE_PACKAGE, PROGRAM } from '../../functions/model/program.ts';
import { isTimeZone } from '../../functions/model/schedule-expression.ts';
import { shellWord } from '../../functions/model/shell-word.ts';
import { withOutputFlags } from '../flags/common-flags.ts';
import { nextCommand } from '../flags/stack-flags.ts';
import type { CdkJson } from '../local/configuration.ts';
import type { Answers } from '../local/new-configuration.ts';
import { NoAnswerError, openQuestions, type Questions } from '../terminal/questions.ts';
import { CommandError, type Output, type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';

interface InitFlags extends OutputFlags {
  account?: string;
  instance?: string;
  dataset?: string;
  format?: string;
  schedule?: string;
  timeZone?: string;
  email?: string;
  config: string;
  force?: boolean;
}

/** The flags in place of the keys in errors. */
const FLAGS: Readonly<Record<string, string>> = {
  accountName: '--account',
  instance: '--instance',
  datasetId: '--dataset',
  format: '--format',
  schedule: '--schedule',
  timeZone: '--time-zone',
  alarmEmail: '--email',
};

export function initCommand(terminal: Terminal): Command {
  const command = new Command('init')
    .option('--account <name>', 'account: the host is <name>.<instance>.evergage.com')
    .option('--instance <id>', 'instance of the account, such as us-5')
    .option('--dataset <id>', 'dataset to export')
    .addOption(new Option('--format <format>', 'format of the parts').choices(EXPORT_FORMATS))
    .option('--schedule <when>', 'such as 06:00, cron(…), rate(12 hours), or none')
    .option('--time-zone <name>', 'time zone of the schedule, such as Europe/Berlin')
    .option('--email <address>', 'email address for failures, or none')
    .option('--config <file>', 'file to write', 'cdk.json')
    .option('--force', 'replace an existing configuration without asking');
  return withOutputFlags(command, 'the configuration')
    .addHelpText(
      'after',
      `
It asks for every value that you do not pass as a flag. Without a terminal,
--account, --instance, --dataset and --schedule are required. Defaults:
--format json, --time-zone UTC, --email none.

Only the configuration in cdk.json changes. In a folder without a
cdk.json, it also writes a CDK app. It never asks for the API key.

Example:
  ${PROGRAM} init --account acme --instance us-5 \\
    --dataset engage --schedule 06:00 --time-zone Europe/Berlin`,
    )
    .action(async (flags: InitFlags) => {
      terminal.exitCode = await init(flags, terminal);
    });
}

/** @returns the exit code: 0 written; 1 interrupted or declined */
async function init(flags: InitFlags, terminal: Terminal): Promise<number> {
  // Only this command and `run --config` need the rules of the stack.
  const [{ readCdkJson }, { configurationOf, newCdkJson, withConfiguration, APP, APP_FILE }] = await Promise.all([
    import('../local/configuration.ts'),
    import('../local/new-configuration.ts'),
  ]);
  const output = outputOf(terminal, flags);
  const existing = await readCdkJson(flags.config);
  const app = join(dirname(flags.config), APP_FILE);
  if (!existing && ![undefined, APP].includes(await textOf(app)))
    throw new CommandError(
      `Cannot write the CDK app to ${app} (another file has this name): move it, or choose another folder.`,
      {
        misuse: true,
      },
    );
  const stdin = terminal.stdin();
  const questions =
    stdin.isTTY && terminal.stdout.isTTY && !flags.json ? openQuestions(stdin, terminal.stdout) : undefined;
  let accountExport: object;
  try {
    if (!(await mayReplace(existing?.content, flags, questions))) return output.interrupted('Nothing was written.');
    if (questions) output.note('Enter accepts the value in brackets. Ctrl-C ends without writing anything.');
    accountExport = configurationOf(await (questions ? askFor(flags, questions) : answersOf(flags)));
  } catch (error) {
    if (!(error instanceof NoAnswerError)) throw error;
    return output.interrupted('Interrupted  nothing was written');
  } finally {
    questions?.close();
  }
  const files = existing
    ? { [flags.config]: withConfiguration(existing, accountExport) }
    : { [app]: APP, [flags.config]: newCdkJson(accountExport) };
  for (const [path, text] of Object.entries(files)) await write(path, text);
  if (flags.json) output.out(JSON.stringify({ files: Object.keys(files), accountExport }));
  output.note(`Written    ${Object.keys(files).join(' and ')}`);
  printNext(output, { flags, isNew: existing === undefined, isOurs: isOurApp(existing?.content), accountExport });
  return 0;
}

/** `undefined` if there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(({ code = 'unknown error' }: NodeJS.ErrnoException) => {
    if (code === 'ENOENT') return undefined;
    throw new CommandError(`Cannot read ${path} (${code}): choose another folder.`, { misuse: true });
  });
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch(({ code = 'unknown error' }: NodeJS.ErrnoException) => {
    throw new CommandError(`Cannot write ${path} (${code}): choose a folder with write permission.`);
  });
}

/** @throws CommandError without a terminal and without `--force` */
async function mayReplace(
  content: CdkJson | undefined,
  { config, force }: InitFlags,
  questions: Questions | undefined,
): Promise<boolean> {
  const before = content?.context?.accountExport as { accountName?: unknown; instance?: unknown } | undefined;
  if (before === undefined || before === null || force) return true;
  const { accountName, instance } = before;
  const host = typeof accountName === 'string' && typeof instance === 'string' ? ` for ${accountName}.${instance}` : '';
  const has = `${config} already has a configuration${host}`;
  if (!questions) throw new CommandError(`${has}: pass --force to replace it.`, { misuse: true });
  return questions.ask({
    text: `${has}. Replace it? (y/n)`,
    suggestion: 'n',
    parse(answer) {
      if (/^(y|yes|n|no)$/i.test(answer)) return /^y/i.test(answer);
      throw new Error('Answer y or n.');
    },
  });
}

/** Asks for what no flag answers. */
async function askFor(flags: InitFlags, questions: Questions): Promise<Answers> {
  const { checkAnswers, hostParts, scheduleOf } = await import('../local/new-configuration.ts');
  const { account: accountName, instance, dataset: datasetId, format, timeZone } = flags;
  const checked = <T extends Partial<Answers>>(answers: T) => checkAnswers(answers, 'answer');
  // Flags that are wrong are no reason to ask.
  const given = await givenBy(flags);
  const zone = timeZone ?? localTimeZone();
  const host =
    accountName !== undefined && instance !== undefined
      ? { accountName, instance }
      : await questions.ask({
          text: 'Host name of your account, such as acme.us-5.evergage.com',
          parse: (answer) => checked(hostParts(answer)),
        });
  const dataset =
    datasetId !== undefined
      ? { datasetId }
      : await questions.ask({
          text: 'Dataset to export, by its id',
          parse: (answer) => checked({ datasetId: answer }),
        });
  const parts =
    format !== undefined
      ? { format }
      : await questions.ask({
          text: `Format: ${EXPORT_FORMATS.join(', ')}`,
          suggestion: 'json',
          parse: (answer) => checked({ format: answer.toLowerCase() }),
        });
  const when =
    flags.schedule !== undefined
      ? { schedule: given.schedule, timeZone: given.timeZone }
      : await questions.ask({
          text: 'Schedule: time and zone, cron(…), rate(…), or none',
          suggestion: `06:00 ${zone}`,
          parse: (answer) => checked(scheduleOf(answer, zone)),
        });
  const email =
    flags.email !== undefined
      ? { alarmEmail: given.alarmEmail }
      : await questions.ask({
          text: 'Email address for failures, or none',
          suggestion: 'none',
          parse: (answer) => checked({ alarmEmail: addressOf(answer) }),
        });
  return { ...host, ...dataset, ...parts, ...when, ...email };
}

/** @throws CommandError that names every missing flag, or ExportError for invalid ones */
async function answersOf(flags: InitFlags): Promise<Answers> {
  const { account, instance, dataset, schedule } = flags;
  const missing = Object.entries({ account, instance, dataset, schedule }).filter(([, value]) => value === undefined);
  if (missing.length > 0) {
    const names = missing.map(([name]) => `--${name}`).join(', ');
    throw new CommandError(`Missing ${names}: without a terminal, pass every answer as a flag.`, { misuse: true });
  }
  const given = await givenBy(flags);
  return { accountName: '', instance: '', datasetId: '', format: 'json', ...given };
}

/** The answers that flags give. @throws CommandError for invalid ones */
async function givenBy(flags: InitFlags): Promise<Partial<Answers>> {
  const { checkAnswers, scheduleOf } = await import('../local/new-configuration.ts');
  const { account: accountName, instance, dataset: datasetId, format, timeZone, email } = flags;
  const when = flags.schedule === undefined ? {} : scheduleOf(flags.schedule);
  const given = Object.fromEntries(
    Object.entries({
      ...{ accountName, instance, datasetId, format },
      ...when,
      // Without a schedule, the zone is that of the question.
      timeZone: flags.schedule === undefined ? undefined : (timeZone ?? when.timeZone),
      alarmEmail: email === undefined ? undefined : addressOf(email),
    }).filter(([, value]) => value !== undefined),
  );
  try {
    return checkAnswers(given, 'command line');
  } catch (error) {
    const keys = new RegExp(`(?<=(?:: |; ))(${Object.keys(FLAGS).join('|')})(?= must)`, 'g');
    const message = (error as Error).message.replaceAll(keys, (key) => FLAGS[key] ?? key);
    throw new CommandError(message, { misuse: true });
  }
}

function addressOf(answer: string): string | undefined {
  return /^(none)?$/i.test(answer) ? undefined : answer;
}

function localTimeZone(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return isTimeZone(timeZone) ? timeZone : 'UTC';
}

/** Whether the app is that of a clone, which reads the configuration. */
function isOurApp(content: CdkJson | undefined): boolean {
  return content === undefined || /\binfra\/app\.ts$|\bapp\.mjs$/.test(String(content.app));
}

interface Written {
  readonly flags: InitFlags;
  /** Whether there was no `cdk.json`. */
  readonly isNew: boolean;
  /** Whether the app reads the configuration. */
  readonly isOurs: boolean;
  readonly accountExport: object;
}

function printNext({ note }: Output, { flags, isNew, isOurs, accountExport }: Written): void {
  const { exports, alarmEmail } = accountExport as { exports: { name: string }[]; alarmEmail?: string };
  // Any other app than that of a clone uses the package, even if a clone wrote its configuration.
  const inClone = isOurs && !isNew && deployCommand().startsWith('npm run');
  const ours = (command: string) => (inClone ? command : command.replace(PROGRAM, FROM_THE_PACKAGE));
  const name = exports[0]?.name;
  const steps: [string, string][] = [
    ...(isNew
      ? [['Install', 'npm install account-export aws-cdk-lib@2 constructs@10 aws-cdk@2'] as [string, string]]
      : []),
    ...(isOurs ? [] : [['Use it', "in your app: app.node.tryGetContext('accountExport')"] as [string, string]]),
    ['Check', inClone ? 'npm run synth' : 'npx cdk synth --quiet'],
    ['Deploy', `npx cdk bootstrap   (once for each AWS account and Region)`],
    ['', inClone ? deployCommand() : 'npx cdk deploy'],
    ['API key', 'store it with the command in the output PutKeyCommand'],
    ...(alarmEmail === undefined ? [] : [['Email', 'confirm the subscription that AWS sends'] as [string, string]]),
    ['Start', ours(nextCommand('start', name, { stack: 'AccountExport' }))],
    ['Or locally', ours(`${PROGRAM} run --config ${shellWord(flags.config)}`)],
  ];
  note('');
  for (const [label, text] of steps) note(`${label.padEnd(11)}${text}`);
}
