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
const errorOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'no error';
};
const NAME_RULE = 'must have up to 128 letters, digits, "_", "." or "-" and start with a letter or digit';

describe('resolveRequest', () => {
  it('uses the only export for {}', () => {
    expect(resolve({}, [engaged])).toEqual({
      settings: engaged,
      parameters: { start: 1786759200000, end: 1787364000000, pageSize: 500 },
      dueAt: STARTED,
      exportDate: '2026-08-22',
    });
  });

  it('lets overrides win, and fixed dates replace a window', () => {
    const { settings, parameters } = resolve({ exportName: 'engaged', pageSize: 20, end: 1000 });
    expect(parameters).toEqual({ start: undefined, end: 1000, pageSize: 20 });
    expect(settings.window).toBeUndefined();
    expect(resolve({ start: 1000 }, [engaged]).parameters).toMatchObject({ start: 1000, end: undefined });
  });

  it('lets a window replace fixed dates', () => {
    expect(resolve({ exportName: 'emea', window: 'PT12H' }).parameters).toMatchObject({
      start: 1787320800000,
      end: 1787364000000,
    });
  });

  it('lets a request choose the compression of text, and never gzip for Parquet', () => {
    const packed = ExportSettingsSchema.parse({ name: 'packed', datasetId: 'engage', compression: 'zstd' });
    const compressionFor = (overrides: object) => resolve(overrides, [packed]).settings.compression;
    expect(compressionFor({})).toBe('zstd');
    expect(compressionFor({ compression: 'gzip' })).toBe('gzip');
    expect(compressionFor({ format: 'csv' })).toBe('zstd');
    expect(compressionFor({ format: 'parquet' })).toBeUndefined();
    const gzipped = ExportSettingsSchema.parse({ name: 'gzipped', datasetId: 'engage', compression: 'gzip' });
    expect(resolve({ format: 'parquet' }, [gzipped]).settings).toMatchObject({ format: 'parquet' });
    const typed = ExportSettingsSchema.parse({ name: 'typed', datasetId: 'engage', format: 'parquet' });
    expect(resolve({ compression: 'zstd' }, [typed]).settings.format).toBe('parquet');
    const refused =
      'RequestError: Invalid request: compression must be "zstd" or absent for format parquet (got "gzip").';
    expect(errorOf(() => resolve({ compression: 'gzip' }, [typed]))).toBe(refused);
    expect(errorOf(() => resolve({ format: 'parquet', compression: 'gzip' }, [packed]))).toBe(refused);
    expect(errorOf(() => resolve({ compression: 'brotli' }))).toBe(
      'RequestError: Invalid request: compression must be "gzip" or "zstd" (got "brotli").',
    );
  });

  it('resolves a window before the due time, and dates the run by the day it was due', () => {
    const { parameters, exportDate } = resolve({ exportName: 'engaged', dueAt: '2026-08-21T23:30:00-02:00' });
    expect(parameters).toMatchObject({ start: 1786757400000, end: 1787362200000 });
    expect(exportDate).toBe('2026-08-22');
  });

  it('accepts a due time up to a day ahead', () => {
    expect(resolve({ exportName: 'emea', dueAt: '2026-08-23T02:00:00.000Z' }).dueAt).toBe('2026-08-23T02:00:00.000Z');
    expect(errorOf(() => resolve({ exportName: 'emea', dueAt: '2026-08-23T02:00:00.001Z' }))).toBe(
      'RequestError: Invalid request: dueAt must not be more than a day in the future (got 2026-08-23T02:00:00.001Z).',
    );
  });

  it('makes a request with a dataset an export of its own', () => {
    expect(resolve({ datasetId: 'engage', format: 'csv' }).settings).toMatchObject({
      name: 'engage',
      format: 'csv',
      pageSize: 1000,
    });
  });

  it.each(['filter', 'segmentationId', 'segmentId'])('asks for a name if an ad-hoc export has a %s', (key) => {
    expect(errorOf(() => resolve({ datasetId: 'engage', [key]: 'Trials' }))).toBe(
      `RequestError: Invalid request: exportName must be set together with ${key}: without a name, the export would be named after its dataset, as if it held all accounts.`,
    );
    expect(resolve({ datasetId: 'engage', [key]: 'Trials', exportName: 'trials' }).settings).toMatchObject({
      name: 'trials',
      [key]: 'Trials',
    });
  });

  it.each([
    [{ exportName: 'engaged', filter: 'Trials' }, 'engaged', 'filter'],
    [{ exportName: 'emea', filter: 'Trials', segmentId: 's' }, 'emea', 'filter and segmentId'],
    [{ exportName: 'engaged', segmentationId: 's' }, 'engaged', 'segmentationId'],
    [{ exportName: 'engaged', datasetId: 'support' }, 'engaged', 'datasetId'],
  ])('refuses to export other accounts under the name of a configured export: %j', (input, name, keys) => {
    expect(errorOf(() => resolve(input))).toBe(
      `RequestError: Invalid request for export "${name}" (its ${keys} cannot be overridden): to export other accounts, set exportName to a new name, and datasetId to their dataset.`,
    );
  });

  it('accepts what a configured export says anyway', () => {
    expect(resolve({ exportName: 'emea', datasetId: 'engage', filter: 'EMEA' }).settings).toEqual(emea);
  });

  it('names up to ten configured exports if it is unclear which one is meant', () => {
    const exports = Array.from({ length: 11 }, (_, i) => ExportSettingsSchema.parse({ name: `e${i}`, datasetId: 'd' }));
    const ten = Array.from({ length: 10 }, (_, i) => `e${i}`).join(', ');
    const missing = (named: string) => `RequestError: Invalid request: exportName is missing (${named}).`;
    expect(errorOf(() => resolve({}))).toBe(missing('configured: engaged, emea'));
    expect(errorOf(() => resolve({}, exports))).toBe(missing(`configured: ${ten}, …`));
    expect(errorOf(() => resolve({}, exports.slice(0, 10)))).toBe(missing(`configured: ${ten}`));
    expect(errorOf(() => resolve({}, []))).toBe(missing('none is configured'));
    expect(errorOf(() => resolve({ exportName: 'nope' }, []))).toBe(
      'RequestError: Unknown export "nope" (none is configured): check the name, or add a datasetId for an ad-hoc export.',
    );
  });

  it.each([
    [
      { exportName: 'nope' },
      'Unknown export "nope" (configured: engaged, emea): check the name, or add a datasetId for an ad-hoc export.',
    ],
    [
      { exportName: '../x', pageSize: '5k', fromat: 'csv' },
      `Invalid request: exportName ${NAME_RULE} (got "../x"); pageSize must be an integer from 1 to 50000 (got "5k"); unknown key "fromat".`,
    ],
    [{ datasetId: 'a/../../b' }, `Invalid request: datasetId ${NAME_RULE} (got "a/../../b").`],
    [
      { exportName: 'emea', window: 'P1M' },
      'Invalid request: window must be an ISO 8601 duration of weeks, days, hours or minutes, such as P7D or PT12H (got "P1M").',
    ],
    [
      { exportName: 'emea', start: 1e20 },
      'Invalid request: start must be a date (2026-08-01), a time (2026-08-01T06:00:00Z) or epoch milliseconds, from 1970 to 9999 (got 100000000000000000000).',
    ],
    [{ exportName: 'emea', end: '2026-07-01' }, 'Invalid request: end must be later than start (got 1782864000000).'],
    [{ resume: 'run-1', pageSize: 5 }, 'Invalid request: with resume, only maxRecords is allowed.'],
    [{ publish: 'run-1', exportName: 'all' }, 'Invalid request: with publish, no other key is allowed.'],
    [{ publish: 'run-1', resume: 'run-1' }, 'Invalid request: with publish, no other key is allowed.'],
    ['run', 'Invalid request: it must be a JSON object.'],
    [
      { format: 'x'.repeat(10_000_000) },
      `Invalid request: format must be "json", "csv" or "parquet" (got "${'x'.repeat(56)}…).`,
    ],
    // The name of a segment may identify a person, and this sentence is logged.
    [
      { filter: 'x'.repeat(10_000_000), segmentId: '', segmentationId: ['x'] },
      'Invalid request: filter must have at most 1000 characters (value not shown); segmentationId must be a string (value not shown); segmentId must not be empty (value not shown).',
    ],
    [JSON.parse('{"__proto__": {"datasetId": "x"}}'), 'Invalid request: unknown key "__proto__".'],
  ])('refuses %.60j with a sentence', (input, message) => {
    expect(errorOf(() => resolve(input))).toBe(`RequestError: ${message}`);
  });
});

describe('checkRunId', () => {
  it.each(['', '../up', 'a/b', 'a b', `r${'x'.repeat(120)}`])('refuses %j', (runId) => {
    expect(errorOf(() => checkRunId(runId))).toBe(
      `RequestError: Invalid run id ${JSON.stringify(runId.slice(0, 60))}: it must have up to 120 letters, digits, "_", "." or "-" and start with a letter or digit.`,
    );
  });

  it.each(['20260822T020000Z-1f3a', 'c0ffee00-0000-4000-8000-000000000000', `r${'x'.repeat(119)}`])(
    'accepts %s',
    (runId) => {
      expect(checkRunId(runId)).toBe(runId);
    },
  );
});
