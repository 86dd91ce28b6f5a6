import { Command, CommanderError } from 'commander';
import { ExportError } from '../functions/model/errors.ts';
import { publishCommand } from './commands/publish.ts';
import { queryCommand } from './commands/query.ts';
import { resumeCommand } from './commands/resume.ts';
import { runCommand } from './commands/run.ts';
import { runsCommand } from './commands/runs.ts';
import { simulateCommand } from './commands/simulate.ts';
import { startCommand } from './commands/start.ts';
import { statusCommand } from './commands/status.ts';
import { CommandError } from './deployed/command-error.ts';

/** Exit codes are a contract: 0 done, 1 failed, 2 misused. */
const FAILED = 1;
const MISUSED = 2;
/** What was typed, not what happened: these are misuse. */
const MISUSE: readonly string[] = ['RequestError', 'ConfigError'];

const program = new Command('account-export')
  .description('Exports the accounts of Salesforce Marketing Cloud Personalization.')
  .configureHelp({ helpWidth: 80 })
  .showHelpAfterError('(add --help for the options)')
  .addCommand(runCommand())
  .addCommand(queryCommand())
  .addCommand(simulateCommand())
  .addCommand(startCommand())
  .addCommand(runsCommand())
  .addCommand(statusCommand())
  .addCommand(resumeCommand())
  .addCommand(publishCommand());
for (const command of [program, ...program.commands]) command.exitOverride().configureHelp({ helpWidth: 80 });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCode(error);
}

function exitCode(error: unknown): number {
  // Commander has printed its own sentence already; help and version are no misuse.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  const verbose = process.argv.includes('--verbose');
  if (error instanceof ExportError || error instanceof CommandError) {
    process.stderr.write(`error: ${error.message}\n`);
    if (verbose) process.stderr.write(`${error.stack}\n`);
    return MISUSE.includes(error.name) ? MISUSED : FAILED;
  }
  const what = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: Something unexpected happened: ${what}${verbose ? '' : ' (--verbose tells more)'}\n`);
  if (verbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return FAILED;
}
