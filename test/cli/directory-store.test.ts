import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { temporaryFolder } from '../support/command-line.ts';

describe('directoryStore', () => {
  it('gives back what was put, and undefined where nothing lies', async () => {
    const store = directoryStore(await temporaryFolder());
    await store.put('a/b/c.json', Buffer.from([0, 255]), 'application/json');
    expect(Buffer.from((await store.get('a/b/c.json')) ?? [])).toEqual(Buffer.from([0, 255]));
    expect(await store.get('a/b/d.json')).toBeUndefined();
    expect(await store.get('a/b/c.json/e')).toBeUndefined();
  });

  it('lists objects by key and folders by name, and nothing that is half-written', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    for (const key of ['t/b=2/y', 't/a=1/x', 't/a=1/z']) await store.put(key, Buffer.from('12'), 'text/plain');
    await writeFile(join(folder, 't/a=1/.123-0.tmp'), 'half');
    expect(await store.list('t/')).toMatchObject([
      { key: 't/a=1/x', bytes: 2 },
      { key: 't/a=1/z', bytes: 2 },
      { key: 't/b=2/y', bytes: 2 },
    ]);
    expect(await store.listFolders('t/')).toEqual(['a=1', 'b=2']);
    expect([await store.list('nothing/'), await store.listFolders('nothing/')]).toEqual([[], []]);
  });

  it('writes over the version that was seen, and over no other', async () => {
    const store = directoryStore(await temporaryFolder());
    const text = async () => String(Buffer.from((await store.get('k')) ?? []));
    expect(await store.etagOf('k')).toBeUndefined();
    const first = await store.putOver('k', Buffer.from('one'), 'text/plain', undefined);
    expect(first).toBe(await store.etagOf('k'));
    expect(await store.putOver('k', Buffer.from('two'), 'text/plain', undefined)).toBeUndefined();
    expect(await text()).toBe('one');
    const second = await store.putOver('k', Buffer.from('three'), 'text/plain', first);
    expect([second, await text()]).toEqual([await store.etagOf('k'), 'three']);
    expect((await store.list('')).map(({ etag }) => etag)).toContain(second);
    expect(await store.putOver('k', Buffer.from('four'), 'text/plain', first)).toBeUndefined();
    await store.delete('k');
    expect(await store.putOver('k', Buffer.from('five'), 'text/plain', second)).toBeUndefined();
    expect(await store.get('k')).toBeUndefined();
  });

  it('creates an object where there is none, once, however many try at the same moment', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    const texts = Array.from({ length: 20 }, (_, i) => `writer ${i}`);
    const created = await Promise.all(texts.map((text) => store.create('a/b', Buffer.from(text), 'text/plain')));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(String(Buffer.from((await store.get('a/b')) ?? []))).toBe(texts[created.indexOf(true)]);
    expect(await store.create('a/b', Buffer.from('late'), 'text/plain')).toBe(false);
    expect(await readdir(join(folder, 'a'))).toEqual(['b']);
  });

  it('replaces an object of the same key and leaves no draft behind', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    await Promise.all(['one', 'two', 'three'].map((text) => store.put('k', Buffer.from(text), 'text/plain')));
    expect(['one', 'two', 'three']).toContain(Buffer.from((await store.get('k')) ?? []).toString());
    expect(await readdir(folder)).toEqual(['k']);
  });

  it('says which file could not be written, and leaves no draft behind', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'k'));
    await expect(directoryStore(folder).put('k', Buffer.from('x'), 'text/plain')).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(
        /k could not be written \(E[A-Z]+\): check the folder, its rights and the free space\.$/,
      ),
    });
    expect(await readdir(folder)).toEqual(['k']);
  });
});
