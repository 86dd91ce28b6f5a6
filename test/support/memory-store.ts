import { createHash } from 'node:crypto';
import type { ObjectStore } from '../../functions/export/ports.ts';

/** As S3 computes it for objects without a customer's key. */
const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;

/** An object store in memory. `beforeWrite` may throw before an object is written or deleted: then it is not. */
export function memoryStore(beforeWrite: (key: string) => void = () => undefined) {
  const objects = new Map<string, Buffer>();
  const puts: string[] = [];
  const store: ObjectStore = {
    location: 'memory/',
    async get(key) {
      const body = objects.get(key);
      return body && { body, etag: etagOf(body) };
    },
    async put(key, body, condition) {
      if (condition && !('ifMatch' in condition) && condition.ifNoneMatch !== '*') throw new Error('Invalid condition');
      const there = objects.get(key);
      if (condition && (there && etagOf(there)) !== ('ifMatch' in condition ? condition.ifMatch : undefined))
        return undefined;
      beforeWrite(key);
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
    async delete(...keys) {
      for (const key of keys) {
        beforeWrite(key);
        objects.delete(key);
      }
    },
  };
  return { store, objects, puts };
}
