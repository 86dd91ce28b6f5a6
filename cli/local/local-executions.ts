/** Runs on one machine, identified by process: a run whose process is gone has ended, however it ended. */
import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import type { Executions } from '../../functions/export/ports.ts';

/** The clock may have been set since. */
const CLOCK_SLACK_MS = 60_000;

const running = new Set<string>();
const HERE = `local/${hostname()}`;

/** Registers a run of this process; call `end` when it has ended. */
export function beginLocalExecution(): { readonly execution: string; readonly end: () => void } {
  const execution = `${HERE}/${process.pid}/${randomUUID()}`;
  running.add(execution);
  return { execution, end: () => running.delete(execution) };
}

/**
 * Whether a run on this machine is still running. A run on another machine or on AWS cannot be asked and blocks nothing:
 * two parallel runs cost requests, one that never starts costs the data.
 */
export const localExecutions: Executions = {
  async isRunning(execution, startedAt) {
    const [, pid] = execution.startsWith(`${HERE}/`) ? execution.slice(HERE.length).split('/') : [];
    if (pid === undefined) return false;
    if (Number(pid) === process.pid) return running.has(execution);
    // Before the machine was booted, the process id belonged to another process.
    const bootedAt = Date.now() - uptime() * 1000;
    return Date.parse(startedAt) > bootedAt - CLOCK_SLACK_MS && isAlive(Number(pid));
  },
};

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process of another user is alive, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
