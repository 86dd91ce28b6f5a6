import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { ObjectStore, StoredObject } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';

/** Names that start with a dot are never read, neither by Athena nor here: drafts are hidden by one. */
const HIDDEN = '.';

/**
 * An object store in a folder: a key is a path below it.
 * An object appears whole: it is written beside its place and renamed.
 */
export function directoryStore(folder: string): ObjectStore {
  const root = resolve(folder);
  // Containers that share a folder may share a process id, too.
  const draftOf = (path: string) => join(dirname(path), `${HIDDEN}${randomUUID()}.tmp`);

  async function filesBelow(path: string): Promise<string[]> {
    const entries = await readdir(path, { withFileTypes: true }).catch(missingAsEmpty);
    const below = await Promise.all(
      entries
        .filter(({ name }) => !name.startsWith(HIDDEN))
        .map((entry) => (entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)])),
    );
    return below.flat();
  }

  async function etagOf(path: string): Promise<string | undefined> {
    const facts = await stat(path, { bigint: true }).catch(missingAsUndefined);
    return facts && etagFrom(facts);
  }

  return {
    location: `${folder.replace(/[/\\]+$/, '')}/`,

    async get(key) {
      const path = join(root, key);
      const etag = await etagOf(path);
      const body = await readFile(path).catch(missingAsUndefined);
      return body && etag !== undefined ? { body, etag } : undefined;
    },

    async put(key, body, condition) {
      const path = join(root, key);
      const draft = draftOf(path);
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(draft, body);
        // A rename or link keeps both what the etag is made of.
        const etag = etagFrom(await stat(draft, { bigint: true }));
        // Not atomic as in S3, but on one machine one run writes a part at a time.
        if (condition && 'ifMatch' in condition && (await etagOf(path)) !== condition.ifMatch) return undefined;
        // Unlike a rename, a link fails if the file exists.
        await (condition && 'ifNoneMatch' in condition ? link(draft, path) : rename(draft, path));
        return etag;
      } catch (error) {
        const { code = 'unknown error' } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST' && condition) return undefined;
        // A full disk or a missing permission does not change by itself, so this is permanent.
        throw new ExportError(
          'ConfigError',
          `Cannot write ${path} (${code}): check the folder, its permissions and the free space.`,
        );
      } finally {
        await rm(draft, { force: true }).catch(() => undefined);
      }
    },

    async list(prefix) {
      const files = await filesBelow(join(root, prefix));
      const objects = await Promise.all(
        files.map(async (path): Promise<StoredObject | undefined> => {
          // Another process may have removed the file since.
          const facts = await stat(path, { bigint: true }).catch(missingAsUndefined);
          const key = path
            .slice(root.length + 1)
            .split(sep)
            .join('/');
          return facts && { key, bytes: Number(facts.size), etag: etagFrom(facts) };
        }),
      );
      return objects.filter((object) => object !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
    },

    async listFolders(prefix) {
      const entries = await readdir(join(root, prefix), { withFileTypes: true }).catch(missingAsEmpty);
      return entries
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith(HIDDEN))
        .map((entry) => entry.name)
        .sort();
    },

    async delete(key) {
      await rm(join(root, key), { force: true });
    },
  };
}

/** A file that is written again is another file, written at another time. */
function etagFrom({ ino, mtimeNs }: { readonly ino: bigint; readonly mtimeNs: bigint }): string {
  return `${ino}-${mtimeNs}`;
}

function missingAsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}

function missingAsEmpty(error: NodeJS.ErrnoException): never[] {
  missingAsUndefined(error);
  return [];
}
