import { describe, expect, it } from 'vitest';
import { checkRunId, parseRequest, resolveRequest } from '../../../functions/export/plan/resolve-request.ts';
import { ExportSettingsSchema } from '../../../functions/model/export-settings.ts';

const STARTED = '2026-08-22T02:00:00.000Z';
const engaged = ExportSettingsSchema.parse({ name: 'engaged', datasetId: 'engage', window: 'P7D', pageSize: 500 });
const emea = ExportSettingsSchema.parse({
  name: 'emea',
  datasetId: 'engage',
  format: 'csv',
  filter: 'EMEA',
  start: '2026-08-01',
});

const resolve = (input: unknown, exports = [engaged, emea]) => resolveRequest(parseRequest(input), exports, STARTED);
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'no error';
};

describe('resolveRequest', () => {
  it('takes the only export for {}', () => {
    expect(resolve({}, [engaged])).toEqual({
      settings: engaged,
      parameters: { start: 1786759200000, end: 1787364000000, pageSize: 500 },
      dueAt: STARTED,
      exportDate: '2026-08-22',
    });
  });

  it('lists the names where {} could mean several', () => {
    expect(messageOf(() => resolve({}))).toBe(
      'RequestError: The request must say which export: exportName is missing, and configured are engaged, emea.',
    );
  });

  it('lets overrides win, and fixed dates replace a window', () => {
    const { settings, parameters } = resolve({ exportName: 'engaged', filter: 'Tier 1 & 2/EMEA + ü%', end: 1000 });
    expect(parameters).toEqual({ filter: 'Tier 1 & 2/EMEA + ü%', start: undefined, end: 1000, pageSize: 500 });
    expect(settings.window).toBeUndefined();
  });

  it('lets a window replace fixed dates', () => {
    expect(resolve({ exportName: 'emea', window: 'PT12H' }).parameters).toMatchObject({
      start: 1787320800000,
      end: 1787364000000,
    });
  });

  it('resolves a window before the due time, and files the run under the day it was due', () => {
    const { parameters, exportDate } = resolve({ exportName: 'engaged', dueAt: '2026-08-21T23:30:00-02:00' });
    expect(parameters).toMatchObject({ start: 1786757400000, end: 1787362200000 });
    expect(exportDate).toBe('2026-08-22');
  });

  it('takes a request with a dataset as an export of its own', () => {
    expect(resolve({ datasetId: 'engage', format: 'csv' }).settings).toMatchObject({
      name: 'engage',
      format: 'csv',
      pageSize: 1000,
    });
  });

  it.each([
    [
      { exportName: 'nope' },
      'RequestError: There is no export "nope": configured are engaged, emea; an ad-hoc export needs a datasetId.',
    ],
    [
      { exportName: '../x', pageSize: '5k', fromat: 'csv' },
      'RequestError: The request is unusable: exportName is "../x"; up to 128 letters, digits, "_", "." and "-" are allowed, the first a letter or digit; pageSize is "5k"; an integer from 1 to 50000 is needed; "fromat" is not known.',
    ],
    [
      { datasetId: 'a/../../b' },
      'RequestError: The request is unusable: datasetId is "a/../../b"; up to 128 letters, digits, "_", "." and "-" are allowed, the first a letter or digit.',
    ],
    [
      { exportName: 'emea', window: 'P1M' },
      'RequestError: The request is unusable: window is "P1M"; an ISO 8601 duration of weeks, days, hours or minutes is needed, such as P7D or PT12H.',
    ],
    [
      { exportName: 'emea', end: '2026-07-01' },
      'RequestError: The request is unusable: end is 1782864000000; end must be later than start.',
    ],
    [
      { resume: 'run-1', pageSize: 5 },
      'RequestError: The request is unusable: resume goes on with the plan of an earlier run and allows no other key than maxRecords.',
    ],
    [
      { publish: 'run-1', exportName: 'all' },
      'RequestError: The request is unusable: publish takes an earlier run as it is and allows no other key.',
    ],
    [
      { publish: 'run-1', resume: 'run-1' },
      'RequestError: The request is unusable: publish takes an earlier run as it is and allows no other key.',
    ],
    ['run', 'RequestError: The request is unusable: Invalid input: expected object, received string.'],
    [
      { format: 'x'.repeat(10_000_000) },
      `RequestError: The request is unusable: format is "${'x'.repeat(56)}…; "json", "csv" or "parquet" is needed.`,
    ],
    // A segment may be one person's, and this sentence is logged.
    [
      { filter: 'x'.repeat(10_000_000), segmentId: '', segmentationId: ['x'] },
      'RequestError: The request is unusable: filter is unusable; at most 1000 characters are allowed; segmentationId is unusable; a text is needed; segmentId is unusable; an empty text is not allowed: leave the key out.',
    ],
    [
      JSON.parse('{"__proto__": {"datasetId": "x"}}'),
      'RequestError: The request is unusable: "__proto__" is not known.',
    ],
  ])('refuses %.60j with a sentence', (input, message) => {
    expect(messageOf(() => resolve(input))).toBe(message);
  });
});

describe('checkRunId', () => {
  it.each(['', '../up', 'a/b', 'a b', `r${'x'.repeat(128)}`])('refuses %j', (runId) => {
    expect(messageOf(() => checkRunId(runId))).toMatch(/^RequestError: The run id .* is unusable/);
  });

  it.each(['20260822T020000Z-1f3a', 'c0ffee00-0000-4000-8000-000000000000'])('takes %s', (runId) => {
    expect(checkRunId(runId)).toBe(runId);
  });
});
