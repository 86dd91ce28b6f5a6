import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { ObjectStore, StoredObject } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';

/** Names that start with a dot are never read, neither by Athena nor here: what is half-written hides behind one. */
const HIDDEN = '.';

/**
 * An object store in a folder: a key is a path below it.
 * An object appears whole: it is written beside its place and renamed.
 */
export function directoryStore(folder: string): ObjectStore {
  const root = resolve(folder);
  // Containers that share a folder may share a process id too.
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

  return {
    location: `${folder.replace(/[/\\]+$/, '')}/`,

    async put(key, body) {
      const path = join(root, key);
      const draft = draftOf(path);
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(draft, body);
        // A rename keeps both what the etag is made of.
        const etag = etagFrom(await stat(draft, { bigint: true }));
        await rename(draft, path);
        return etag;
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw unwritable(path, error);
      }
    },

    async putOver(key, body, contentType, seen) {
      if (seen !== undefined) {
        // Not at one stroke, as S3 does it; but what is written at the same time on one machine is written by one run.
        return (await this.etagOf(key)) === seen ? this.put(key, body, contentType) : undefined;
      }
      const path = join(root, key);
      const draft = draftOf(path);
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(draft, body);
        // Unlike a rename, a link fails where something is.
        await link(draft, path);
        return etagFrom(await stat(path, { bigint: true }));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
        throw unwritable(path, error);
      } finally {
        await rm(draft, { force: true }).catch(() => undefined);
      }
    },

    async create(key, body, contentType) {
      return (await this.putOver(key, body, contentType, undefined)) !== undefined;
    },

    async etagOf(key) {
      const facts = await stat(join(root, key), { bigint: true }).catch(missingAsUndefined);
      return facts && etagFrom(facts);
    },

    async get(key) {
      return readFile(join(root, key)).catch(missingAsUndefined);
    },

    async list(prefix) {
      const files = await filesBelow(join(root, prefix));
      const objects = await Promise.all(
        files.map(async (path): Promise<StoredObject> => {
          const facts = await stat(path, { bigint: true });
          const key = path
            .slice(root.length + 1)
            .split(sep)
            .join('/');
          return { key, bytes: Number(facts.size), etag: etagFrom(facts) };
        }),
      );
      return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
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

/** A full disk or a missing right is not healed by trying again. */
function unwritable(path: string, error: unknown): ExportError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return new ExportError(
    'ConfigError',
    `${path} could not be written (${code}): check the folder, its rights and the free space.`,
  );
}
