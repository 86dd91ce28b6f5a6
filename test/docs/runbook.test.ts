import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { synthesized } from '../support/synthesized.ts';

const PAGE = readFileSync('docs/runbook.md', 'utf8');
const template = synthesized({
  monthlyBudgetUsd: 20,
  exports: [{ name: 'daily', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
});

describe('docs/runbook.md', () => {
  it('has one entry for each alarm and for the budget, and no other', () => {
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => /docs\/runbook\.md#([a-z-]+)$/.exec(String(Properties.AlarmDescription))?.[1],
    );
    const budgets = Object.keys(template.findResources('AWS::Budgets::Budget')).map(() => 'budget');
    const entries = [...PAGE.matchAll(/^## ([a-z-]+)$/gm)].map(([, name]) => name);
    expect(entries.sort()).toEqual([...new Set([...alarms, ...budgets])].sort());
  });

  it('describes every widget of the dashboard', () => {
    const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard?.Properties.DashboardBody).replaceAll('\\"', '"');
    const titles = [...body.matchAll(/"title":"([^"]+)"/g)].map(([, title]) => title);
    const [, table = ''] = PAGE.split('## The dashboard');
    const rows = [...table.matchAll(/^\|[^|]*\| ([^|]+) \|[^|]+\|$/gm)].slice(1).map(([, title]) => title);
    expect(rows.sort()).toEqual(titles.sort());
  });
});
