import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { checkStack, type Finding } from '../deployed/check-stack.ts';
import { connect } from '../deployed/stack.ts';
import { type StackFlags, withPlaceFlags } from '../flags/stack-flags.ts';
import { counted } from '../terminal/format.ts';
import { liveLine } from '../terminal/live-line.ts';
import { outputOf, type Terminal } from '../terminal/terminal.ts';

type DoctorFlags = Omit<StackFlags, 'stack'> & { stack?: string | true };

export function doctorCommand(terminal: Terminal): Command {
  const command = new Command('doctor').option(
    '--stack [name]',
    `the deployed stack to check (default: ${DEFAULT_STACK_NAME})`,
  );
  return withPlaceFlags(command, 'an array of checks')
    .addHelpText(
      'after',
      `
It changes nothing, and reads neither the API key nor accounts. The exit code
is 1 if a check fails, and 0 if all checks are ok or warnings.

Example:
  ${PROGRAM} doctor --stack`,
    )
    .action(async ({ stack, ...flags }: DoctorFlags) => {
      if (stack === undefined) {
        throw new ExportError(
          'RequestError',
          `Missing stack: doctor checks a deployment; name its stack with --stack NAME, or pass --stack alone for ${DEFAULT_STACK_NAME}.`,
        );
      }
      await doctor({ ...flags, stack: stack === true ? DEFAULT_STACK_NAME : stack }, terminal);
    });
}

async function doctor(flags: StackFlags, terminal: Terminal): Promise<void> {
  const { out } = outputOf(terminal, flags);
  const connecting = connect(terminal, flags).then(({ stack }) => stack);
  const line = liveLine(terminal, flags);
  line.show(() => 'Checking the stack');
  const findings = await checkStack(connecting, flags).finally(line.stop);
  const failed = findings.filter(({ status }) => status === 'fail').length;
  if (flags.json) out(JSON.stringify(findings));
  else for (const line of report(findings, terminal.columns)) out(line);
  if (failed > 0) terminal.exitCode = 1;
}

/** Starts the remedies below a check. */
const REMEDY = ' '.repeat(6);
/** `fail  notifications  ` */
const STATUS_WIDTH = 6;
const NAME_WIDTH = 15;

function report(findings: readonly Finding[], columns: number): string[] {
  const lines = findings.flatMap(({ name, status, detail, remedy, command }) => [
    ...wrapped(`${status.padEnd(STATUS_WIDTH)}${name.padEnd(NAME_WIDTH)}`, detail.split(' '), columns),
    ...(remedy === null ? [] : wrapped(REMEDY, remedy.split(' '), columns)),
    ...(command === null ? [] : wrappedCommand(command, columns)),
  ]);
  const number = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length;
  return [
    ...lines,
    '',
    `${counted(number('fail'), 'failure')}, ${counted(number('warn'), 'warning')}, ${number('ok')} ok`,
  ];
}

/** Breaks lines between words. @param head starts the first line; the other lines are indented as far */
function wrapped(head: string, words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && head.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((text, i) => (i === 0 ? head : ' '.repeat(head.length)) + text);
}

/** Breaks a command so that a shell still reads it as one. */
function wrappedCommand(command: string, columns: number): string[] {
  // Not within quotes, nor between an option and its value.
  const words = command.match(/(?:--[\w-]* )?(?:\\.|'[^']*'|[^\s'])+/g) ?? [];
  const lines = wrapped(`${REMEDY}  `, words, columns - 2);
  return lines.map((line, i) => (i < lines.length - 1 ? `${line} \\` : line));
}
