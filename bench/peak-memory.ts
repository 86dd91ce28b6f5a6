import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had since this program began, in bytes. What `getrusage` tells on Linux begins with
 * what the parent had when it forked, and a benchmark's parent may be large.
 */
export function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
