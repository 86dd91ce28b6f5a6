import { describe, expect, it } from 'vitest';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { ExportRequestSchema, ExportSettingsSchema, windowMs } from '../../functions/model/export-settings.ts';
import { isScheduleExpression } from '../../functions/model/schedule-expression.ts';
import { parseStackConfig, StackConfigSchema } from '../../infra/stack-config.ts';
import { configurationBlocks, settingRows } from '../../tools/docs/configuration-tables.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { jsonExamples, page, tableBelow } from './page.ts';

const PAGE = page('configuration');
const [smallest, several] = jsonExamples(PAGE, '');
const { exports } = parseStackConfig(several);
const STARTED = '2026-08-22T04:00:00.000Z';

describe('docs/configuration.md', () => {
  it('has the tables and errors of the current schemas (npm run docs updates them)', () => {
    expect(fillBlocks(PAGE.text, configurationBlocks())).toBe(PAGE.text);
  });

  it.each([
    ['the stack', StackConfigSchema],
    ['an export', ExportSettingsSchema],
    ['a request', ExportRequestSchema],
  ])('describes every key of %s in a sentence', (_what, schema) => {
    expect(settingRows(schema).filter(({ meaning }) => !/^[`A-Z].*\.$/.test(meaning))).toEqual([]);
  });

  it('shows valid configurations', () => {
    expect(parseStackConfig(smallest).exports).toHaveLength(1);
    expect(exports.map(({ schedule }) => schedule).filter((schedule) => schedule !== undefined)).toHaveLength(3);
  });

  it('shows requests that override settings, start an ad-hoc export, resume, and publish', () => {
    const [override, adHoc, ...others] = jsonExamples(PAGE, 'request').map(parseRequest);
    expect(resolveRequest(override ?? {}, exports, STARTED)).toMatchObject({
      settings: { name: 'all-accounts', format: 'json', onDrift: 'retry' },
      parameters: { start: Date.parse('2026-07-02T04:00:00Z'), end: Date.parse('2026-08-01T04:00:00Z') },
    });
    expect(resolveRequest(adHoc ?? {}, exports, STARTED)).toMatchObject({
      settings: { name: 'trials-once', datasetId: 'support', format: 'json', pageSize: 1000, maxRecords: 50_000 },
    });
    const run = '20260822T060000Z-1f3a';
    expect(others).toEqual([{ resume: run, maxRecords: 4_000_000 }, { publish: run }]);
  });

  it('shows schedules that EventBridge Scheduler accepts', () => {
    const schedules = tableBelow(PAGE, '## Schedules').map(([schedule = '']) => schedule.slice(1, -1));
    expect(schedules.filter((schedule) => !isScheduleExpression(schedule))).toEqual([]);
  });

  it('shows durations of the lengths that it states', () => {
    const hours = ['P2W', 'P7D', 'PT12H', 'P1DT6H'].map((duration) => windowMs(duration) / 3_600_000);
    expect(hours).toEqual([336, 168, 12, 30]);
  });
});

describe('a request', () => {
  it('due at 01:00 in Berlin in summer belongs to the previous day', () => {
    const request = parseRequest({ exportName: 'all-accounts', dueAt: '2026-08-22T01:00:00+02:00' });
    expect(resolveRequest(request, exports, STARTED).exportDate).toBe('2026-08-21');
  });

  it('with P7D at 06:00 in Berlin after the clock change starts at 07:00', () => {
    const request = parseRequest({ exportName: 'all-accounts', dueAt: '2026-10-28T06:00:00+01:00' });
    const { parameters } = resolveRequest(request, exports, '2026-10-28T06:00:00+01:00');
    expect(parameters.start).toBe(Date.parse('2026-10-21T07:00:00+02:00'));
  });

  it('without an export name is rejected when several exports are configured, naming them', () => {
    expect(() => resolveRequest(parseRequest({}), exports, STARTED)).toThrow(
      'all-accounts, emea-tier-1, support-trials, first-half-of-2026',
    );
  });
});

describe('the attribute columns of CSV exports', () => {
  const config = (attributeColumns: string[]) => ({
    ...(smallest as object),
    exports: [
      { name: 'a', datasetId: 'engage', format: 'csv', attributeColumns: ['industry', 'region', 'annualRevenue'] },
      { name: 'b', datasetId: 'engage', format: 'csv', attributeColumns },
    ],
  });

  it('must be the beginning of the longest list', () => {
    expect(parseStackConfig(config(['industry', 'region'])).exports).toHaveLength(2);
    expect(() => parseStackConfig(config(['region']))).toThrow('exports[1].attributeColumns');
  });
});
