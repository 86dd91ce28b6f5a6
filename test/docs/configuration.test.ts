/** `docs/configuration.md` says what the code does: its tables are made from the schemas, its examples are run. */
import { describe, expect, it } from 'vitest';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { ExportRequestSchema, ExportSettingsSchema, windowMs } from '../../functions/model/export-settings.ts';
import { isScheduleExpression } from '../../functions/model/schedule-expression.ts';
import { parseStackConfig, StackConfigSchema } from '../../infra/stack-config.ts';
import { configurationBlocks, settingRows } from '../../tools/docs/configuration-table.ts';
import { withMadeBlocks } from '../../tools/docs/made-blocks.ts';
import { synthesized } from '../support/synthesized.ts';
import { jsonExamples, page, tableBelow, textExamples, unwrapped } from './page.ts';

const PAGE = page('configuration');
const configs = jsonExamples(PAGE, '');
const full = parseStackConfig(configs[1]);
const STARTED = '2026-08-22T04:00:00.000Z';

const errorOf = (work: () => unknown): Error => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was taken.');
};

describe('the tables of the keys', () => {
  it('are as the schemas are now: npm run docs makes them so', () => {
    expect(withMadeBlocks(PAGE.text, configurationBlocks())).toBe(PAGE.text);
  });

  it.each([
    ['the stack', StackConfigSchema],
    ['an export', ExportSettingsSchema],
    ['a request', ExportRequestSchema],
  ])('say what each key of %s means', (_what, schema) => {
    const silent = settingRows(schema).filter(({ meaning }) => !/^[`A-Z].*\.$/.test(meaning));
    expect(silent).toEqual([]);
  });

  it.each([
    '| `pageSize` | an integer from 1 to 50000 | `1000` | Accounts a page: one request, one Lambda invocation, one part. |',
    '| `format` | `"json"`, `"csv"`, `"parquet"` | `"json"` | What the parts are written as. |',
    '| `datasetId` | a name | required | The dataset to export, as Personalization calls it. |',
    '| `deleteDataWithStack` | `true`, `false` | `false` | With `-c accountExport:allowDataDeletion=true`, and only with both, data goes when the stack goes. |',
    '| `alarmEmail` | an e-mail address | none | Who gets a mail when a run fails. The address must confirm the subscription once. |',
    '| `tags` | up to 46 texts by their keys, such as {"cost-center":"4711"} | `{}` | Tags on all that the stack makes, besides `application`, which is `account-export` unless you say otherwise. |',
    '| `resume` | a name | The run to go on with. Alone, or with `maxRecords`. |',
  ])('have the row %.20s', (row) => {
    expect(PAGE.text.split('\n')).toContain(row);
  });

  it('have every key of the three schemas', () => {
    const keys = [StackConfigSchema, ExportSettingsSchema, ExportRequestSchema].flatMap((schema) =>
      Object.keys(schema.shape),
    );
    expect(new Set(keys).size).toBe(41);
    expect(keys.filter((key) => !PAGE.text.includes(`\`${key}\``))).toEqual([]);
  });
});

describe('blocks that are made', () => {
  const text = 'before\n<!-- made by npm run docs: a -->\nold\n<!-- /made -->\nafter\n';

  it('are filled in, and what lies around them stays', () => {
    const filled = 'before\n<!-- made by npm run docs: a -->\n\n$& new\n\n<!-- /made -->\nafter\n';
    expect(withMadeBlocks(text, { a: '$& new' })).toBe(filled);
    expect(withMadeBlocks(filled, { a: '$& new' })).toBe(filled);
  });

  it.each([
    [{ a: '', b: '' }, 'The page has no block b.'],
    [{}, 'The block "a" is not made, or made twice.'],
  ])('are all made, and all there', (blocks, message) => {
    expect(() => withMadeBlocks(text, blocks)).toThrow(message);
  });
});

describe('the examples', () => {
  it('are all of a kind that is run', () => {
    const kinds = PAGE.examples.filter(({ language }) => language === 'json').map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['', 'request', 'mistaken', 'mistaken-request']));
  });

  it('are configurations that can be deployed', () => {
    expect(configs).toHaveLength(2);
    for (const config of configs) expect(parseStackConfig(config).accountName).toBe('acme');
  });

  it('make a schedule for each export that has one', () => {
    const schedules = Object.values(synthesized(configs[1] as object).findResources('AWS::Scheduler::Schedule'))
      .map(({ Properties }) => Properties)
      .filter(({ Target }) => String(Target.Input).includes('exportName'));
    expect(
      schedules.map(({ ScheduleExpression, ScheduleExpressionTimezone }) => [
        ScheduleExpression,
        ScheduleExpressionTimezone,
      ]),
    ).toEqual([
      ['cron(0 6 * * ? *)', 'Europe/Berlin'],
      ['cron(30 7 ? * MON-FRI *)', 'Europe/London'],
      ['rate(12 hours)', 'Etc/UTC'],
    ]);
  });

  it('are requests that a run takes', () => {
    const requests = jsonExamples(PAGE, 'request');
    expect(requests).toHaveLength(4);
    const [overridden, adHoc] = requests
      .slice(0, 2)
      .map((request) => resolveRequest(parseRequest(request), full.exports, STARTED));
    expect(overridden).toMatchObject({
      settings: { name: 'all-accounts', format: 'json', onDrift: 'retry' },
      parameters: { start: Date.parse('2026-07-02T04:00:00Z'), end: Date.parse('2026-08-01T04:00:00Z') },
    });
    expect(adHoc).toMatchObject({
      settings: { name: 'trials-once', datasetId: 'support', format: 'json', pageSize: 1000, maxRecords: 50_000 },
    });
    expect(requests.slice(2).map(parseRequest)).toEqual(requests.slice(2));
  });

  it('of mistakes are refused with the sentence that stands below', () => {
    const [ofConfig = '', ofRequest = ''] = textExamples(PAGE).map(unwrapped);
    const [config] = jsonExamples(PAGE, 'mistaken');
    const [request] = jsonExamples(PAGE, 'mistaken-request');
    expect(`error: ${errorOf(() => parseStackConfig(config)).message}`).toBe(ofConfig);
    expect(errorOf(() => parseRequest(request))).toMatchObject({ name: 'RequestError', message: ofRequest });
  });

  it('of schedules are ones that Scheduler takes', () => {
    const schedules = tableBelow(PAGE, '## Schedules').map(([schedule = '']) => schedule.slice(1, -1));
    expect(schedules).toHaveLength(5);
    expect(schedules.filter((schedule) => !isScheduleExpression(schedule))).toEqual([]);
  });

  it('of durations are as long as they say', () => {
    const hours = ['P2W', 'P7D', 'PT12H', 'P1DT6H'].map((duration) => {
      expect(PAGE.codes).toContain(duration);
      return windowMs(duration) / 3_600_000;
    });
    expect(hours).toEqual([336, 168, 12, 30]);
  });
});

describe('what is said of', () => {
  it('the day of a run: due at one in Berlin in summer, it is filed under the day before', () => {
    const request = parseRequest({ exportName: 'all-accounts', dueAt: '2026-08-22T01:00:00+02:00' });
    expect(resolveRequest(request, full.exports, STARTED).exportDate).toBe('2026-08-21');
  });

  it('P7D when the clock changes: 06:00 in Berlin in its first winter week begins at 07:00 of summer', () => {
    const request = parseRequest({ exportName: 'all-accounts', dueAt: '2026-10-28T06:00:00+01:00' });
    const { parameters } = resolveRequest(request, full.exports, '2026-10-28T06:00:00+01:00');
    expect(parameters.start).toBe(Date.parse('2026-10-21T07:00:00+02:00'));
  });

  it('{} where there are several exports: it names them', () => {
    expect(errorOf(() => resolveRequest(parseRequest({}), full.exports, STARTED)).message).toContain(
      'configured are all-accounts, emea-tier-1, support-trials, first-half-of-2026',
    );
  });

  it('the attribute columns of CSV exports: one order', () => {
    const config = (attributeColumns: string[]) => ({
      ...(configs[0] as object),
      exports: [
        { name: 'a', datasetId: 'engage', format: 'csv', attributeColumns: ['industry', 'region', 'annualRevenue'] },
        { name: 'b', datasetId: 'engage', format: 'csv', attributeColumns },
      ],
    });
    expect(parseStackConfig(config(['industry', 'region'])).exports).toHaveLength(2);
    expect(() => parseStackConfig(config(['region']))).toThrow('must be how the longest one begins');
  });
});
