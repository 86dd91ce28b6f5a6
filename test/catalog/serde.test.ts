import { expect, it } from 'vitest';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { ATTRIBUTE_SHAPES } from '../../simulator/attribute-shapes.ts';
import { Tenant } from '../../simulator/tenant.ts';
import { type HiveType, readHiveJson } from '../formats/hive-json-serde.ts';
import { expectedFromJson } from '../support/expected-account.ts';
import { localRun } from '../support/local-run.ts';

const time = (value: unknown) =>
  value === null ? null : new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '');

it.each(ATTRIBUTE_SHAPES)(
  'the Hive JSON SerDe reads 2,431 simulated accounts from JSON parts as sent, with attributes of shape "%s"',
  async (attributeShape) => {
    const { parts, manifest } = await localRun({ accounts: 2431, attributeShape }, { pageSize: 1000 });
    const tenant = new Tenant({ accounts: 2431, seed: 1, nasty: true });
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
      expect(got, `account ${i}`).toEqual(expectedFromJson(tenant, i));
    }
    expect((await manifest()).unmappedColumns).toEqual([
      ...(['array', 'mixed'].includes(attributeShape) ? ['attributes_sent_as_array'] : []),
      ...(['objects', 'mixed'].includes(attributeShape) ? ['attributes_sent_as_objects'] : []),
      'healthIndex',
    ]);
  },
);
