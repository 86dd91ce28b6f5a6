import { describe, expect, it } from 'vitest';
import {
  attributeColumnsOf,
  attributeNamesOf,
  ExportRequestSchema,
  ExportSettingsSchema,
  windowMs,
} from '../../functions/model/export-settings.ts';
import { parseOrThrow } from '../../functions/model/parse-input.ts';

const requested = (input: object) => () => parseOrThrow(ExportRequestSchema, input, 'request');
const configured = (more: object) => () =>
  parseOrThrow(ExportSettingsSchema, { name: 'a', datasetId: 'b', ...more }, 'configuration');

describe('a window', () => {
  it.each([
    ['P1W', 604_800_000],
    ['P2D', 172_800_000],
    ['PT3H', 10_800_000],
    ['PT4M', 240_000],
    ['P1W2DT3H4M', 788_640_000],
  ])('of %s is %i ms', (duration, ms) => {
    expect(windowMs(duration)).toBe(ms);
  });

  it.each([[{ start: '2026-08-01' }], [{ end: '2026-08-01' }], [{ start: '2026-08-01', end: '2026-08-02' }]])(
    'excludes fixed dates: %j',
    (dates) => {
      expect(requested({ window: 'P7D', ...dates })).toThrow(
        'Invalid request: window must not be set together with start or end (got "P7D").',
      );
    },
  );

  it('ends after it starts', () => {
    expect(requested({ start: 1000, end: 1000 })).toThrow('end must be later than start (got 1000)');
    for (const dates of [{ start: 1000, end: 1001 }, { start: 1000 }, { end: 1000 }]) requested(dates)();
  });
});

describe('a schedule', () => {
  it.each([[{ timeZone: 'Europe/Berlin' }], [{ flexibleMinutes: 5 }], [{ scheduleEnabled: false }]])(
    'is needed for %j',
    (more) => {
      const [[key, value] = []] = Object.entries(more);
      expect(configured(more)).toThrow(`${key} must not be set without a schedule (got ${JSON.stringify(value)})`);
      configured({ ...more, schedule: 'rate(1 day)' })();
    },
  );

  it('gives its runs a due time', () => {
    expect(requested({ scheduled: true })).toThrow('dueAt must be set for a scheduled run (missing)');
    requested({ scheduled: true, dueAt: '2026-08-22' })();
  });
});

describe('attribute columns', () => {
  const exports = [
    { format: 'csv', attributeColumns: ['b', 'a'] },
    { format: 'json', attributeColumns: ['c'] },
    { format: 'csv' },
    { format: 'csv', attributeColumns: ['a', 'd'] },
  ] satisfies Parameters<typeof attributeColumnsOf>[0];

  it('of the CSV table are those of all CSV exports, each once, in the order they are first named', () => {
    expect(attributeColumnsOf(exports)).toEqual(['b', 'a', 'd']);
    expect(attributeColumnsOf([])).toEqual([]);
  });

  it('of queries are those of all exports', () => {
    expect(attributeNamesOf(exports)).toEqual(['b', 'a', 'c', 'd']);
  });
});
