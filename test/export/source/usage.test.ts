import { describe, expect, it } from 'vitest';
import { addUsage, NO_USAGE, UsageMeter } from '../../../functions/export/source/usage-meter.ts';

const a = { apiRequests: 3, recordsFetched: 20, retries: { '429': 1, connection: 2 } };
const b = { apiRequests: 4, recordsFetched: 5, retries: { '5xx': 1, connection: 5 } };

describe('what was spent', () => {
  it('adds up cause by cause, and changes neither side', () => {
    expect(addUsage(a, b)).toEqual({
      apiRequests: 7,
      recordsFetched: 25,
      retries: { '429': 1, '5xx': 1, connection: 7 },
    });
    expect(a.retries).toEqual({ '429': 1, connection: 2 });
    expect(b.retries).toEqual({ '5xx': 1, connection: 5 });
  });

  it('is entered in a ledger that begins with nothing, and a request that cost nothing leaves it as it is', () => {
    const ledger = new UsageMeter();
    expect(ledger.total).toEqual({ apiRequests: 0, recordsFetched: 0, retries: {} });
    ledger.add(a);
    ledger.add(undefined);
    ledger.add(b);
    expect(ledger.total).toMatchObject({ apiRequests: 7, recordsFetched: 25 });
    expect(NO_USAGE).toEqual({ apiRequests: 0, recordsFetched: 0, retries: {} });
  });

  it('may begin with what was spent before', () => {
    const ledger = new UsageMeter({ start: a });
    ledger.add(b);
    expect(ledger.total.recordsFetched).toBe(25);
  });
});
