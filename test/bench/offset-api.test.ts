import { describe, expect, it } from 'vitest';
import { offsetApi } from '../../bench/offset-api.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';

describe('the API in memory', () => {
  const query = { datasetId: 'engage', endpoint: 'json', pageSize: 10 } as const;

  it('serves the accounts from page × page size on, and none behind the last', async () => {
    const { api } = offsetApi(25);
    const names = async (page: number) => (await api.fetchPage({ ...query, page }, decodeJson)).value.identities;
    expect((await names(1))[0]).toBe('Account 10');
    expect(await names(2)).toEqual(['Account 20', 'Account 21', 'Account 22', 'Account 23', 'Account 24']);
    expect(await names(3)).toEqual([]);
  });

  it('counts what it is asked for', async () => {
    const { api, asked } = offsetApi(25);
    for (const page of [0, 2, 3]) await api.fetchPage({ ...query, page }, decodeJson);
    expect(asked).toEqual({ requests: 3, records: 15 });
  });
});
