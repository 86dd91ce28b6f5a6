import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { temporaryFolder } from '../support/command-line.ts';

describe('directoryStore', () => {
  it('returns what was put with its etag, and undefined for a missing object', async () => {
    const store = directoryStore(await temporaryFolder());
    const etag = await store.put('a/b/c.json', Buffer.from([0, 255]));
    expect(await store.get('a/b/c.json')).toEqual({ body: Buffer.from([0, 255]), etag });
    expect(await store.get('a/b/d.json')).toBeUndefined();
    expect(await store.get('a/b/c.json/e')).toBeUndefined();
  });

  it('lists objects by key and folders by name, without drafts', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    for (const key of ['t/b=2/y', 't/a=1/x', 't/a=1/z']) await store.put(key, Buffer.from('12'));
    await writeFile(join(folder, 't/a=1/.123-0.tmp'), 'half');
    expect(await store.list('t/')).toMatchObject([
      { key: 't/a=1/x', bytes: 2 },
      { key: 't/a=1/z', bytes: 2 },
      { key: 't/b=2/y', bytes: 2 },
    ]);
    expect(await store.listFolders('t/')).toEqual(['a=1', 'b=2']);
    expect([await store.list('nothing/'), await store.listFolders('nothing/')]).toEqual([[], []]);
  });

  it('overwrites only the version with the given etag', async () => {
    const store = directoryStore(await temporaryFolder());
    const text = async () => String((await store.get('k'))?.body);
    const first = await store.put('k', Buffer.from('one'), { ifNoneMatch: '*' });
    expect(await store.put('k', Buffer.from('two'), { ifNoneMatch: '*' })).toBeUndefined();
    expect(await text()).toBe('one');
    const second = await store.put('k', Buffer.from('three'), { ifMatch: first ?? '' });
    expect([(await store.get('k'))?.etag, await text()]).toEqual([second, 'three']);
    expect((await store.list('')).map(({ etag }) => etag)).toContain(second);
    expect(await store.put('k', Buffer.from('four'), { ifMatch: first ?? '' })).toBeUndefined();
    await store.delete('k');
    expect(await store.put('k', Buffer.from('five'), { ifMatch: second ?? '' })).toBeUndefined();
    expect(await store.get('k')).toBeUndefined();
  });

  it('lets one of several writers at the same moment create an object', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    const texts = Array.from({ length: 20 }, (_, i) => `writer ${i}`);
    const created = await Promise.all(texts.map((text) => store.put('a/b', Buffer.from(text), { ifNoneMatch: '*' })));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(String((await store.get('a/b'))?.body)).toBe(texts[created.findIndex(Boolean)]);
    expect(await readdir(join(folder, 'a'))).toEqual(['b']);
  });

  it('replaces an object of the same key and leaves no draft behind', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    await Promise.all(['one', 'two', 'three'].map((text) => store.put('k', Buffer.from(text))));
    expect(['one', 'two', 'three']).toContain(String((await store.get('k'))?.body));
    expect(await readdir(folder)).toEqual(['k']);
  });

  it('lists the keys of a store in the root folder', async () => {
    const folder = await temporaryFolder();
    await directoryStore(folder).put('a/b', Buffer.from('x'));
    const prefix = `${folder.slice(1)}/`;
    expect((await directoryStore('/').list(prefix)).map(({ key }) => key)).toEqual([`${prefix}a/b`]);
  });

  it.skipIf(process.platform !== 'linux')('ends where no folder can be created, as in /proc', async () => {
    await expect(directoryStore('/proc/x').put('a/b', Buffer.from('x'))).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('(it cannot be created there, ENOENT)'),
    });
  });

  it.skipIf(process.platform === 'win32')('keeps a backslash at the end of a name', async () => {
    expect(directoryStore('out\\').location).toBe('out\\/');
    expect(directoryStore('out//').location).toBe('out/');
  });

  it('deletes several objects at once, and ignores missing ones', async () => {
    const store = directoryStore(await temporaryFolder());
    for (const key of ['a/1', 'a/2', 'a/3']) await store.put(key, Buffer.from('x'));
    await store.delete('a/1', 'a/missing', 'a/3');
    expect((await store.list('')).map(({ key }) => key)).toEqual(['a/2']);
  });

  it('names the file that cannot be read', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'k'));
    await expect(directoryStore(folder).get('k')).rejects.toMatchObject({
      name: 'ConfigError',
      message: `Cannot read ${join(folder, 'k')} (EISDIR): check the folder and its permissions.`,
    });
  });

  it.skipIf(process.platform === 'win32')('creates files and folders that only their owner can read', async () => {
    const folder = join(await temporaryFolder(), 'out');
    const store = directoryStore(folder);
    await store.put('a/b', Buffer.from('x'));
    await store.put('a/c', Buffer.from('x'), { ifNoneMatch: '*' });
    const modes = await Promise.all(
      ['', 'a', 'a/b', 'a/c'].map(async (key) => (await stat(join(folder, key))).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600]);
  });

  it('creates a folder again that was deleted', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    await store.put('a/b/c', Buffer.from('x'));
    await rm(join(folder, 'a'), { recursive: true });
    expect(await store.put('a/b/d', Buffer.from('x'), { ifNoneMatch: '*' })).toBeDefined();
    expect(await readdir(join(folder, 'a/b'))).toEqual(['d']);
  });

  it('says that a name is too long, and leaves no draft behind', async () => {
    const folder = await temporaryFolder();
    const store = directoryStore(folder);
    for (const condition of [undefined, { ifNoneMatch: '*' }, { ifMatch: '"0"' }] as const) {
      const name = 'x'.repeat(300);
      const message = expect.stringContaining('ENAMETOOLONG');
      await expect(store.put(name, Buffer.from('x'), condition)).rejects.toMatchObject({
        name: 'ConfigError',
        message,
      });
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('names the file that cannot be written, and leaves no draft behind', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'k'));
    await expect(directoryStore(folder).put('k', Buffer.from('x'))).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(
        /^Cannot write to --out ".*" \([a-z -]*,? ?E[A-Z]+\): use a folder with write permission and free space\.$/,
      ),
    });
    expect(await readdir(folder)).toEqual(['k']);
  });
});
