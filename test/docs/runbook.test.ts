import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { synthesized } from '../support/synthesized.ts';

const PAGE = readFileSync('docs/runbook.md', 'utf8');
const template = synthesized({
  monthlyBudgetUsd: 20,
  exports: [{ name: 'daily', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
});

describe('docs/runbook.md', () => {
  it('has one entry for each alarm and for the budget, and none for what is not there', () => {
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => /docs\/runbook\.md#([a-z-]+)$/.exec(String(Properties.AlarmDescription))?.[1],
    );
    const budgets = Object.keys(template.findResources('AWS::Budgets::Budget')).map(() => 'budget');
    const entries = [...PAGE.matchAll(/^## ([a-z-]+)$/gm)].map(([, name]) => name);
    expect(entries.sort()).toEqual([...new Set([...alarms, ...budgets])].sort());
  });

  it('names every widget of the dashboard', () => {
    const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard?.Properties.DashboardBody).replaceAll('\\"', '"');
    const titles = [...body.matchAll(/"title":"([^"]+)"/g)].map(([, title]) => title);
    expect(titles.length).toBe(10);
    const rows = [...PAGE.matchAll(/^\|[^|]*\| ([^|]+) \|[^|]+\|$/gm)].map(([, title]) => title);
    expect(titles.filter((title) => !rows.includes(title))).toEqual([]);
  });
});
