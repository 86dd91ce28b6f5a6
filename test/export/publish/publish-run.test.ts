import { describe, expect, it } from 'vitest';
import { account, accounts } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, namesIn, PARTS, setUp } from '../../support/stepped-run.ts';

describe('publishing', () => {
  it('exports accounts that were added behind the last page, and says that the source moved', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(...accounts(30, 'late'));
    expect(await steps.publish(plan)).toMatchObject({
      accounts: 55,
      distinctAccounts: 55,
      pages: 6,
      verdict: 'drifted',
    });
    expect(namesIn(objects)).toEqual(source.list.map((raw) => (JSON.parse(raw) as { name: string }).name));
    expect(manifestIn(objects).consistency).toMatchObject({ accountsBefore: 25, accountsAfter: 55 });
  });

  it('exports accounts that were added behind a full last page', async () => {
    const { steps, source } = setUp(30);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(account('late'));
    expect(await steps.publish(plan)).toMatchObject({ accounts: 31, pages: 4 });
  });

  it('finds accounts that a removal moved over a boundary already read', async () => {
    const { steps, source } = setUp(95);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1, 2, 3, 4] });
    source.list.splice(3, 1);
    source.list.push(account('new'));
    await steps.pages(plan);
    expect(await steps.publish(plan)).toMatchObject({ accounts: 95, verdict: 'drifted' });
  });

  it('counts an account that came twice', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    source.list.splice(0, 0, account('new'));
    await steps.pages(plan);
    await steps.publish(plan);
    expect(manifestIn(objects)).toMatchObject({ records: 26, distinctAccounts: 25, duplicates: 1 });
  });

  it('refuses a missing page, and publishes nothing', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 2] });
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: '1 of 3 pages of run "run-1" have no part (1): go on with it (redrive, or run --run-id) to export them.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);
  });

  it.each([
    [
      'a part that is gone',
      (objects: Map<string, Buffer>) => objects.delete(`${PARTS}part-00001.json.gz`),
      /page 1 .* no bytes/,
    ],
    [
      'a part that was cut',
      (objects: Map<string, Buffer>) => objects.set(`${PARTS}part-00001.json.gz`, Buffer.from('x')),
      /page 1 .* has 1 bytes/,
    ],
    [
      'a part that holds something else of the same length',
      (objects: Map<string, Buffer>) => {
        const key = `${PARTS}part-00001.json.gz`;
        objects.set(key, Buffer.alloc(objects.get(key)?.length ?? 0));
      },
      /page 1 .* does not hold what was written/,
    ],
    [
      'a stranger among the parts',
      (objects: Map<string, Buffer>) => objects.set(`${PARTS}part-00009.json.gz`, Buffer.from('x')),
      /part-00009.* belongs to no page/,
    ],
  ])('refuses %s', async (_name, spoil, message) => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    spoil(objects);
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: expect.stringMatching(message),
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('refuses two pages that hold the same accounts', async () => {
    const { steps, api, store, objects } = setUp(30);
    const plan = await steps.plan();
    const stuck: typeof api = {
      fetchPage: (query, decode) =>
        api.fetchPage(query.pageSize === 10 && query.page < 3 ? { ...query, page: 0 } : query, decode),
    };
    await runSteps(stuck, store).pages(plan);
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'PagingError',
      message:
        'Pages 0 and 1 hold the same 10 accounts: the API did not serve the page it was asked for, so the run is not complete.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('changes nothing when it is done again', async () => {
    const { steps, objects, queries } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const first = await steps.publish(plan);
    const [manifest, asked] = [objects.get(MANIFEST), queries.length];
    expect(await steps.publish(plan)).toEqual(first);
    expect(objects.get(MANIFEST)).toEqual(manifest);
    expect(queries).toHaveLength(asked);
    expect(steps.partitions).toHaveLength(2);
  });
});
