/** Hostile requests: each fails with a short message. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localCatalog } from '../../cli/local/run-local.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import { checkRunId, parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { partKey, planKey } from '../../functions/export/storage/bucket-layout.ts';
import { isExportError } from '../../functions/model/errors.ts';
import { ExportSettingsSchema } from '../../functions/model/export-settings.ts';
import { evergageBaseUrl, pagePath } from '../../functions/personalization/request-url.ts';
import { arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { propertyRuns } from '../support/property-runs.ts';

const STARTED_AT = '2026-08-22T02:00:00.000Z';
const all = ExportSettingsSchema.parse({ name: 'all', datasetId: 'engage' });
/** Longer messages bloat the history of an execution. */
const MAX_MESSAGE = 2000;

/** The message of the `ExportError` that `work` throws. */
function refusal(work: () => unknown, name = 'RequestError'): string {
  try {
    work();
  } catch (error) {
    if (!isExportError(error, name as 'RequestError')) throw error;
    expect(error.message.length).toBeLessThan(MAX_MESSAGE);
    expect(error.message).toMatch(/\.$/);
    return error.message;
  }
  throw new Error('No error was thrown');
}

const resolve = (input: unknown) => resolveRequest(parseRequest(input), [all], STARTED_AT);
const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
const many = (count: number, value: unknown) => Array.from({ length: count }, () => value);

/** With short titles. */
function titled(values: readonly string[]): [string, string][] {
  return values.map((value) => [`${JSON.stringify(value.slice(0, 30))} of ${value.length}`, value]);
}

/** Names that would change a key, path or log line. */
const BAD_NAMES = titled([
  '',
  '.',
  '..',
  '../x',
  '..\\x',
  'a/../b',
  'a/b',
  'a\\b',
  '/etc',
  '%2e%2e',
  '%2e%2e%2fx',
  'a%00',
  'a\0b',
  'a\r\nb',
  'a\n',
  '\na',
  ' a',
  'a ',
  'a b',
  'a?b',
  'a#b',
  'a:b',
  'a*',
  '\u202ea',
  'a\u2028',
  'é',
  '\uff0e\uff0e',
  '\ud800',
  'a=b',
  'x'.repeat(129),
  'x'.repeat(1_000_000),
]);

describe.each(['exportName', 'datasetId', 'resume', 'publish'])('%s', (key) => {
  it.each(BAD_NAMES)('cannot be %s', (_title, value) => {
    expect(refusal(() => resolve({ datasetId: 'engage', [key]: value }))).toContain(
      'must have up to 128 letters, digits, "_", "." or "-"',
    );
  });

  it.each([[5], [true], [{}], [[]], [['a']], [Number.POSITIVE_INFINITY]])('cannot be %j', (value) => {
    refusal(() => resolve({ datasetId: 'engage', [key]: value }));
  });
});

describe('a run id', () => {
  it.each(BAD_NAMES)('cannot be %s', (_title, runId) => {
    refusal(() => checkRunId(runId));
  });
});

it('no accepted name changes the structure of a key or path', () => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[A-Za-z0-9._%\\/-]{1,20}$/));
  fc.assert(
    fc.property(name, (value) => {
      let taken: string | undefined;
      try {
        taken = resolve({ exportName: value, datasetId: value }).settings.name;
        checkRunId(value);
      } catch (error) {
        if (!isExportError(error, 'RequestError')) throw error;
        return;
      }
      const place = { format: 'json', exportName: taken, exportDate: '2026-08-22', runId: value } as const;
      const key = partKey(place, 0);
      expect(new URL(key, 'http://host/bucket/').pathname).toBe(`/bucket/${key}`);
      expect(planKey(value).split('/')).toHaveLength(3);
      const path = pagePath({ datasetId: value, endpoint: 'json', pageSize: 1, page: 0 });
      expect(new URL(path, 'https://acme.us-5.evergage.com').pathname).toBe(`/api/dataset/${value}/accounts.json`);
    }),
    { numRuns: propertyRuns(50, 100) },
  );
});

it.each(['filter', 'segmentId'] as const)('a damaged character in %s is refused before a request', (key) => {
  const request = { datasetId: 'engage', endpoint: 'json', pageSize: 1, page: 0, [key]: 'a\ud800' } as const;
  expect(refusal(() => pagePath(request))).toBe(
    `Invalid ${key}: it contains a damaged character (unpaired Unicode surrogate). Retype the value.`,
  );
});

describe('the host', () => {
  const bad = titled([
    '',
    '.',
    'a.b',
    'a.',
    '.a',
    'evil.com/',
    'evil.com#',
    'evil.com?',
    'evil.com\\',
    'a@evil',
    'a:80',
    'a:b@evil.com',
    '//evil',
    'a/../b',
    'a b',
    ' a',
    'a\r\nHost: evil',
    'a\n',
    'a\0',
    'a%2eevil',
    '-a',
    'a-',
    'a_b',
    'ä',
    '\u0430cme',
    '\uff41',
    'a\u3002b',
    '\u017f',
    '\u212aelvin',
    '\u200ba',
    '[::1]',
    'x'.repeat(64),
    'x'.repeat(1_000_000),
  ]);

  it.each(bad)('rejects the account name %s', (_title, value) => {
    expect(refusal(() => evergageBaseUrl(value, 'us-5'), 'ConfigError')).toContain('up to 63 letters, digits');
  });

  it.each(bad)('rejects the instance %s', (_title, value) => {
    refusal(() => evergageBaseUrl('acme', value), 'ConfigError');
  });

  it('is always a subdomain of evergage.com', () => {
    const label = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 70 }),
      fc.stringMatching(/^[a-zA-Z0-9.:@/-]{1,66}$/),
      fc.constant('xn--80ak6aa92e'),
    );
    fc.assert(
      fc.property(label, label, (accountName, instance) => {
        let url: string;
        try {
          url = evergageBaseUrl(accountName, instance);
        } catch (error) {
          if (!isExportError(error, 'ConfigError')) throw error;
          return;
        }
        const parsed = new URL(url);
        expect(parsed.href).toBe(`${url}/`);
        expect(parsed.host).toBe(`${accountName}.${instance}.evergage.com`.toLowerCase());
      }),
      { numRuns: propertyRuns(50, 100) },
    );
  });
});

describe('a request', () => {
  it.each([
    ['a prototype', '{"__proto__":{"datasetId":"engage","dryRun":true}}', 'unknown key "__proto__"'],
    ['a constructor', '{"constructor":{"prototype":{"dryRun":true}}}', 'unknown key "constructor"'],
    ['the key prototype', '{"prototype":{"dryRun":true}}', 'unknown key "prototype"'],
    ['a prototype as a value', '{"exportName":{"__proto__":{"toString":"x"}}}', '{"__proto__"'],
    ['an infinite page size', '{"pageSize":1e309}', 'must be an integer from 1 to 50000'],
    ['a negative infinite page size', '{"pageSize":-1e309}', 'must be an integer from 1 to 50000'],
    ['an infinite due time', '{"dueAt":1e309}', 'or epoch milliseconds'],
    ['a filter of 10 MB', JSON.stringify({ filter: 'x'.repeat(10_000_000) }), 'must have at most 1000 characters'],
    ['a filter that is an array of 1,000,000', JSON.stringify({ filter: many(1_000_000, 1) }), 'must be a string'],
    ['a key of 1 MB', JSON.stringify({ ['k'.repeat(1_000_000)]: 1 }), 'unknown key'],
  ])('cannot contain %s', (_name, json, message) => {
    expect(refusal(() => resolve(JSON.parse(json)))).toContain(message);
    expect(({} as Record<string, unknown>).dryRun).toBeUndefined();
    expect(({} as Record<string, unknown>).datasetId).toBeUndefined();
  });

  it.each([[5], ['run'], [true], [[]], [[{}]]])('cannot be %j', (input) => {
    expect(refusal(() => resolve(input))).toContain('must be a JSON object');
  });

  it.each([
    ['a key 100,000 levels deep', () => ({ more: nested(100_000) })],
    ['1,000,000 columns that are not strings', () => ({ attributeColumns: many(1_000_000, 5) })],
    ['1,000,000 objects', () => many(1_000_000, {})],
    ['a start before 1970', () => ({ start: '0001-01-01' })],
    ['a filter 100,000 levels deep', () => ({ filter: nested(100_000) })],
    ['1,000 unknown keys', () => Object.fromEntries(many(1000, 0).map((_, i) => [`key${i}`, i]))],
    ['500 columns that are not strings', () => ({ attributeColumns: many(500, 5) })],
    ['the due time MAX_SAFE_INTEGER', () => ({ dueAt: Number.MAX_SAFE_INTEGER })],
    ['the latest due time of a Date', () => ({ dueAt: 8_640_000_000_000_000 })],
    ['a due time in the year 10000', () => ({ dueAt: 253_402_300_800_000 })],
  ])('is rejected with a short message for %s', (_name, make) => {
    refusal(() => resolve(make()));
  });

  it('never starts a window before 1970', () => {
    expect(resolve({ window: 'P7D', dueAt: 5 }).parameters).toMatchObject({ start: 0, end: 5 });
  });

  it('is rejected or resolved for any JSON', () => {
    const key = fc.oneof(
      fc.constantFrom(
        'exportName',
        'datasetId',
        'format',
        'pageSize',
        'filter',
        'start',
        'end',
        'window',
        'dueAt',
        'resume',
        'dryRun',
        'attributeColumns',
        'maxRecords',
        'overlap',
        'scheduled',
        '__proto__',
      ),
      fc.string(),
    );
    const value = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom('engage', 'json', 'P7D', '2026-08-01', 'all'));
    const entries = fc.array(fc.tuple(key, value), { maxLength: 6 });
    fc.assert(
      fc.property(fc.oneof(entries, fc.jsonValue()), (input) => {
        const json = Array.isArray(input)
          ? `{${(input as [string, unknown][]).map((entry) => `${JSON.stringify(String(entry?.[0]))}:${JSON.stringify(entry?.[1] ?? null)}`).join()}}`
          : JSON.stringify(input);
        try {
          const { exportDate } = resolve(JSON.parse(json));
          expect(exportDate).toMatch(/^\d{4}-\d\d-\d\d$/);
        } catch (error) {
          if (!isExportError(error, 'RequestError')) throw error;
          expect(error.message.length).toBeLessThan(MAX_MESSAGE);
        }
      }),
      { numRuns: propertyRuns(100, 500) },
    );
  });
});

describe('Plan export', () => {
  const plan = async (more: object, stored?: object) => {
    const { store, objects, puts } = memoryStore();
    if (stored) objects.set(planKey('run-1'), Buffer.from(JSON.stringify(stored)));
    const { api, queries } = arrayApi({ list: [] });
    const ports = { api, store, catalog: localCatalog(), executions: { isRunning: async () => false }, exports: [all] };
    const event = {
      runId: 'run-1',
      execution: 'e',
      startedAt: STARTED_AT,
      request: {},
      concurrency: 8,
    };
    const error = await planExport(ports, { ...event, ...more }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { error, queries, puts };
  };

  it.each<[string, object]>([
    ['a run id with path segments', { runId: '../run-1' }],
    ['a run id that is not a string', { runId: { toString: 'x' } }],
    ['a run to resume with path segments', { request: { resume: '../../accounts_json/run-1' } }],
    ['a dataset with path segments', { request: { datasetId: '../../users' } }],
    ['a request 100,000 levels deep', { request: nested(100_000) }],
    ['a request with __proto__', { request: JSON.parse('{"__proto__":{"datasetId":"x"}}') }],
    ['an infinite concurrency', { concurrency: Number.POSITIVE_INFINITY }],
  ])('sends no request and writes nothing: %s', async (_name, more) => {
    const { error, queries, puts } = await plan(more);
    expect(error).toMatchObject({ name: 'RequestError' });
    expect(String(error).length).toBeLessThan(MAX_MESSAGE);
    expect([queries, puts]).toEqual([[], []]);
  });
});
