import { describe, expect, it } from 'vitest';
import { offsetApi } from '../../bench/offset-api.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';

describe('the in-memory API', () => {
  const query = { datasetId: 'engage', endpoint: 'json', pageSize: 10 } as const;

  it('serves accounts from offset page × page size, and none past the end', async () => {
    const { api } = offsetApi(25);
    const names = async (page: number) => (await api.fetchPage({ ...query, page }, decodeJson)).value.names;
    expect((await names(1))[0]).toBe('Account 10');
    expect(await names(2)).toEqual(['Account 20', 'Account 21', 'Account 22', 'Account 23', 'Account 24']);
    expect(await names(3)).toEqual([]);
  });

  it('counts requests and records', async () => {
    const { api, used } = offsetApi(25);
    for (const page of [0, 2, 3]) await api.fetchPage({ ...query, page }, decodeJson);
    expect(used).toEqual({ requests: 3, records: 15 });
  });
});
