import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../functions/export/plan/resolve-request.ts';
import { costBlocks } from '../../tools/docs/cost-tables.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { monthlyRows } from '../../tools/docs/monthly-cost.ts';
import { jsonExamples, page, tableBelow } from './page.ts';

const PAGE = page('cost');

describe('docs/cost.md', () => {
  it('has the tables of the current estimate (npm run docs updates them)', async () => {
    expect(fillBlocks(PAGE.text, await costBlocks())).toBe(PAGE.text);
  });

  it('estimates a million accounts', () => {
    expect(tableBelow(PAGE, '## Examples')[2]).toEqual([
      '1,000,000',
      '1,000',
      '1,067',
      '1,000,099',
      '38 s',
      '0.088',
      '2.6',
    ]);
  });

  it('shows a valid request for a dry run', () => {
    expect(jsonExamples(PAGE, 'request').map(parseRequest)).toEqual([{ exportName: 'all-accounts', dryRun: true }]);
  });
});

describe('the cost of a month without runs', () => {
  const units = (config: object) => Object.fromEntries(monthlyRows(config).map(({ key, units }) => [key, units]));

  it('counts the resources of the template', () => {
    expect(units({})).toEqual({
      alarmMetric: 13,
      dashboard: 1,
      secret: 1,
      key: 0,
      natGateway: 0,
      publicAddress: 0,
      age: 1,
      ageCheck: 1,
      retention: 1,
    });
  });

  it('includes the KMS key and the NAT gateway when they are configured', () => {
    expect(units({ network: { fixedEgressIp: true }, encryption: 'customer-key' })).toMatchObject({
      key: 1,
      natGateway: 1,
      publicAddress: 1,
    });
  });

  it('adds an alarm for each scheduled export', () => {
    const exports = ['a', 'b', 'c'].map((name) => ({ name, datasetId: 'engage', schedule: 'rate(1 day)' }));
    expect(units({ exports })).toMatchObject({ alarmMetric: 15, age: 3 });
    expect(units({ exports: [{ name: 'a', datasetId: 'engage' }] })).toMatchObject({ alarmMetric: 12, age: 0 });
  });
});
