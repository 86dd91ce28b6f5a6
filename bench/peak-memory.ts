import { readFileSync } from 'node:fs';

/** Peak memory of this process in bytes. On Linux, `maxRSS` of `getrusage` would include the parent's memory at the fork. */
export function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
