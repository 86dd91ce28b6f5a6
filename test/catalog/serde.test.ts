import { expect, it } from 'vitest';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { type HiveType, readHiveJson } from '../formats/hive-json-serde.ts';
import { expectedFromJson } from '../support/expected-account.ts';
import { localRun } from '../support/local-run.ts';

const time = (value: unknown) =>
  value === null ? null : new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');

it('the Hive JSON SerDe reads 2,431 simulated accounts from JSON parts as sent', async () => {
  const { parts, simulator } = await localRun({ accounts: 2431 }, { pageSize: 1000 });
  const { columns } = tableDefinitions([]).find(({ name }) => name === 'accounts_json') ?? { columns: [] };
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, type as HiveType]));
  const lines = (await parts()).flatMap((text) => text.split('\n').slice(0, -1));
  expect(lines).toHaveLength(2431);
  for (const [i, line] of lines.entries()) {
    const row = readHiveJson(line, types);
    const got = {
      name: row.name,
      engagement_score: row.engagementscore,
      engagement_percent_change: row.engagementpercentchange,
      first_activity: time(row.firstactivity),
      last_activity: time(row.lastactivity),
      total_actions: row.totalactions === null ? null : Number(row.totalactions),
      account_status: row.accountstatus,
      attributes: Object.fromEntries(row.attributes as ReadonlyMap<string, string | null>),
    };
    expect(row.superseded, `account ${i}`).toBeNull();
    expect(got, `account ${i}`).toEqual(expectedFromJson(simulator.tenant, i));
  }
});
