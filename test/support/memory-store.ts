import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../functions/export/ports.ts';

/** As Amazon S3's for objects it does not encrypt with a key of its own. */
const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;

/** An object store in memory; `beforePut` may throw, to see what a failure between two writes leaves behind. */
export function memoryStore(beforePut: (key: string) => void = () => undefined) {
  const objects = new Map<string, Buffer>();
  const puts: string[] = [];
  const store: ObjectStore = {
    location: 'memory/',
    async put(key, body) {
      beforePut(key);
      puts.push(key);
      objects.set(key, Buffer.from(body));
      return etagOf(Buffer.from(body));
    },
    async putOver(key, body, contentType, seen) {
      const there = objects.get(key);
      if ((there && etagOf(there)) !== seen) return undefined;
      return store.put(key, body, contentType);
    },
    async create(key, body, contentType) {
      return (await store.putOver(key, body, contentType, undefined)) !== undefined;
    },
    async etagOf(key) {
      const there = objects.get(key);
      return there && etagOf(there);
    },
    async get(key) {
      return objects.get(key);
    },
    async list(prefix) {
      return [...objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, body]) => ({ key, bytes: body.length, etag: etagOf(body) }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
    },
    async listFolders(prefix) {
      const names = [...objects.keys()]
        .filter((key) => key.startsWith(prefix) && key.slice(prefix.length).includes('/'))
        .map((key) => key.slice(prefix.length).split('/')[0] ?? '');
      return [...new Set(names)].sort();
    },
    async delete(key) {
      objects.delete(key);
    },
  };
  return { store, objects, puts };
}
