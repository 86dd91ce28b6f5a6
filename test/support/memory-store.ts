import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../functions/export/ports.ts';

/** As Amazon S3's etags of objects without a customer's key. */
const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;

/** An object store in memory. `beforePut` may throw, to show what a failure between two writes leaves behind. */
export function memoryStore(beforePut: (key: string) => void = () => undefined) {
  const objects = new Map<string, Buffer>();
  const puts: string[] = [];
  const store: ObjectStore = {
    location: 'memory/',
    async get(key) {
      const body = objects.get(key);
      return body && { body, etag: etagOf(body) };
    },
    async put(key, body, condition) {
      const there = objects.get(key);
      if (condition && (there && etagOf(there)) !== ('ifMatch' in condition ? condition.ifMatch : undefined))
        return undefined;
      beforePut(key);
      puts.push(key);
      objects.set(key, Buffer.from(body));
      return etagOf(Buffer.from(body));
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
