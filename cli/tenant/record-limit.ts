import type { RecordBudget } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';

/** The limits of all requests together. */
export interface Limits {
  readonly records: number;
  readonly requests: number;
}

/** A record budget in memory: no request is sent that could exceed a limit. */
export function recordLimit(limits: Limits): RecordBudget {
  let reserved = 0;
  let requests = 0;
  return {
    async reserve(records) {
      if (reserved + records > limits.records || requests >= limits.requests) {
        throw new ExportError(
          'BudgetExceededError',
          `Limit of this command reached (${limits.records} records, ${limits.requests} requests): use run --dry-run.`,
        );
      }
      reserved += records;
      requests++;
    },
    release(records) {
      reserved -= records;
    },
    returnTickets: async () => undefined,
  };
}
