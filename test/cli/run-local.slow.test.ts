import { describe, expect, it } from 'vitest';
import { expectWholeCsv, expectWholeJson } from '../support/whole-run.ts';

describe('a fault on the first request for each page', () => {
  it.each([
    'reset',
    'reset-mid-body',
    'truncate',
    'truncate-content-length',
    'html',
    'garbage',
    'empty-body',
    'invalid-utf8',
    { status: 429 },
    { status: 429, retryAfter: '1' },
    { status: 500 },
    { status: 503 },
  ] as const)('causes only retries in a JSON run: %j', async (fault) => {
    const { manifest } = await expectWholeJson({ accounts: 1700, faults: [{ fault }] });
    expect(manifest.retries).toBeGreaterThanOrEqual(4);
  });

  it.each(['reset-mid-body', 'truncate', 'truncate-content-length', 'html', { status: 429 }, { status: 502 }] as const)(
    'causes only retries in a CSV run: %j',
    async (fault) => {
      await expectWholeCsv({ accounts: 1700, faults: [{ fault, minPageSize: 3 }] });
    },
  );

  it('causes only retries when the state machine retries the page', async () => {
    const { manifest } = await expectWholeJson({
      accounts: 1700,
      faults: [{ fault: { status: 503 }, times: 5, minPageSize: 500, pages: [2] }],
    });
    expect(manifest.retries).toBe(5);
  });
});
