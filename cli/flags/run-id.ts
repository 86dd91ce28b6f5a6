import { randomBytes } from 'node:crypto';

/** A new run id, sortable and valid as an execution name: `20260822T020000Z-1f3a`. */
export function newRunId(now: Date = new Date()): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`;
}
