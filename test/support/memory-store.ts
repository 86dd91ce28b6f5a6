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
    async create(key, body) {
      beforePut(key);
      if (objects.has(key)) return false;
      puts.push(key);
      objects.set(key, Buffer.from(body));
      return true;
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
