/** All commands, as the help text lists them. The code of a command is loaded only when it is called. */
import type { Command } from 'commander';
import type { Terminal } from './terminal/terminal.ts';

export interface ListedCommand {
  /** With its arguments, such as `query [sql]`. */
  readonly usage: string;
  readonly description: string;
  /** Left out of the help text. */
  readonly hidden?: boolean;
  /** The command with its flags. @param report prints an error and returns the exit code */
  load(terminal: Terminal, report: (error: unknown) => Promise<number>): Promise<Command>;
}

const RESUME: ListedCommand = {
  usage: 'resume <run>',
  description: 'resume a failed or stopped run of the deployed state machine',
  load: async (terminal) => (await import('./commands/resume.ts')).resumeCommand(terminal),
};

export const COMMANDS: readonly ListedCommand[] = [
  {
    usage: 'init',
    description: 'ask five questions and write a configuration to cdk.json',
    load: async (terminal) => (await import('./commands/init.ts')).initCommand(terminal),
  },
  {
    usage: 'run',
    description: 'export the accounts of a dataset on this machine',
    load: async (terminal) => {
      // Before its code is loaded, which makes the heap grow.
      (await import('../functions/runtime/small-heap.ts')).keepHeapSmall();
      return (await import('./commands/run.ts')).runCommand(terminal);
    },
  },
  {
    usage: 'query [sql]',
    description: 'query exported data with SQL: the tables and views of Athena',
    load: async (terminal, report) => (await import('./commands/query.ts')).queryCommand(terminal, report),
  },
  {
    usage: 'report [run]',
    description: 'show the report of a run: an HTML file with its figures',
    load: async (terminal) => (await import('./commands/report.ts')).reportCommand(terminal),
  },
  {
    usage: 'simulate',
    description: 'simulate a Personalization tenant',
    load: async (terminal) => (await import('./commands/simulate.ts')).simulateCommand(terminal),
  },
  {
    usage: 'doctor',
    description: 'check a tenant or a deployed stack, and say what to do about each problem',
    load: async (terminal) => (await import('./commands/doctor.ts')).doctorCommand(terminal),
  },
  {
    usage: 'start <export>',
    description: 'start a run of the deployed state machine and follow it',
    load: async (terminal) => (await import('./commands/start.ts')).startCommand(terminal),
  },
  {
    usage: 'runs',
    description: 'list the latest runs of the deployed state machine, newest first',
    load: async (terminal) => (await import('./commands/runs.ts')).runsCommand(terminal),
  },
  {
    usage: 'status <run>',
    description: 'follow a run of the deployed state machine, or show how it ended',
    load: async (terminal) => (await import('./commands/status.ts')).statusCommand(terminal),
  },
  RESUME,
  { ...RESUME, usage: 'redrive <run>', hidden: true },
  {
    usage: 'publish <run>',
    description: 'publish a quarantined run',
    load: async (terminal) => (await import('./commands/publish.ts')).publishCommand(terminal),
  },
  {
    usage: 'reattach',
    description: 'add published runs to the tables again, from their manifests',
    load: async (terminal) => (await import('./commands/reattach.ts')).reattachCommand(terminal),
  },
];
