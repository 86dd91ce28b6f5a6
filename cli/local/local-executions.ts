/** Runs on one machine, told apart by process: a run whose process is gone has ended, however it ended. */
import { randomUUID } from 'node:crypto';
import { hostname, uptime } from 'node:os';
import type { Executions } from '../../functions/export/ports.ts';

/** The clock may have been set since. */
const CLOCK_SLACK_MS = 60_000;

const running = new Set<string>();
const HERE = `local/${hostname()}`;

/** Begins a run of this process; `end` it when it has ended. */
export function beginLocalExecution(): { readonly execution: string; readonly end: () => void } {
  const execution = `${HERE}/${process.pid}/${randomUUID()}`;
  running.add(execution);
  return { execution, end: () => running.delete(execution) };
}

/**
 * Whether a run on this machine still runs. What cannot be known, a run on another machine or on AWS, blocks nothing:
 * two runs beside each other cost requests, one that never starts costs the data.
 */
export const localExecutions: Executions = {
  async isRunning(execution, startedAt) {
    const [, pid] = execution.startsWith(`${HERE}/`) ? execution.slice(HERE.length).split('/') : [];
    if (pid === undefined) return false;
    if (Number(pid) === process.pid) return running.has(execution);
    // Before the machine was started, its number belonged to another process.
    const bootedAt = Date.now() - uptime() * 1000;
    return Date.parse(startedAt) > bootedAt - CLOCK_SLACK_MS && isAlive(Number(pid));
  },
};

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
