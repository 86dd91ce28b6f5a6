/** The API host of an export: a run never adds the accounts of another tenant. */
import { expect, it } from 'vitest';
import type { ObjectStore } from '../../../functions/export/ports.ts';
import { hasAnswered, keepHost, refuseOtherHost } from '../../../functions/export/storage/export-host.ts';
import { memoryStore } from '../../support/memory-store.ts';

const portsOf = (host: string, store: ObjectStore) => ({
  store,
  api: { host, fetchPage: () => Promise.reject(new Error()) },
});

const OTHER_HOST = {
  name: 'RequestError',
  message:
    'Export "all" in memory/ already has data from another host (one.test, not two.test): use another export name. If the tenant moved, delete work/export_name=all/locks/host.json.',
};

it('the first host that answers is kept, for one export', async () => {
  const { store } = memoryStore();
  const ports = portsOf('one.test', store);
  expect(await hasAnswered(ports, 'all')).toBe(false);
  expect(await refuseOtherHost(ports, 'all')).toBe(false);
  await keepHost(ports, 'all');
  await keepHost(ports, 'all');
  expect(await hasAnswered(ports, 'all')).toBe(true);
  expect(await refuseOtherHost(ports, 'all')).toBe(true);
  expect(await hasAnswered(ports, 'other')).toBe(false);
  expect(await refuseOtherHost(portsOf('two.test', store), 'other')).toBe(false);
});

it('another host is refused, before its first request and when two runs start at once', async () => {
  const { store } = memoryStore();
  await keepHost(portsOf('one.test', store), 'all');
  const other = portsOf('two.test', store);
  expect(await hasAnswered(other, 'all')).toBe(false);
  await expect(refuseOtherHost(other, 'all')).rejects.toMatchObject(OTHER_HOST);
  await expect(keepHost(other, 'all')).rejects.toMatchObject(OTHER_HOST);
});
