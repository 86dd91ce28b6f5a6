import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { ObjectStore, StoredObject } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';

/**
 * Names that start with a dot are read neither by Athena nor here. Drafts have such names, so that those of a process that
 * was killed are ignored.
 */
const HIDDEN = '.';

/** Modes of new files and folders: accounts are readable by their owner only. */
const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

/**
 * An object store in a folder: a key is a path below it.
 * An object appears whole: it is written beside its place and renamed.
 */
export function directoryStore(folder: string): ObjectStore {
  const root = resolve(folder);
  // Containers that share a folder may share a process id, too.
  const draftOf = (path: string) => join(dirname(path), `${HIDDEN}${randomUUID()}.tmp`);

  async function entriesOf(path: string): Promise<Dirent[]> {
    const entries = await readdir(path, { withFileTypes: true }).catch(ifMissing(path, []));
    return entries.filter(({ name }) => !name.startsWith(HIDDEN));
  }

  async function filesBelow(path: string): Promise<string[]> {
    const below = (await entriesOf(path)).map((entry) => {
      return entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)];
    });
    return (await Promise.all(below)).flat();
  }

  async function etagOf(path: string): Promise<string | undefined> {
    const facts = await stat(path, { bigint: true }).catch(ifMissing(path, undefined));
    return facts && etagFrom(facts);
  }

  return {
    location: `${folder.replace(/[/\\]+$/, '')}/`,

    async get(key) {
      const path = join(root, key);
      const etag = await etagOf(path);
      const body = await readFile(path).catch(ifMissing(path, undefined));
      return body && etag !== undefined ? { body, etag } : undefined;
    },

    async put(key, body, condition) {
      const path = join(root, key);
      const draft = draftOf(path);
      try {
        await mkdir(dirname(path), { recursive: true, mode: OWNER_ONLY_FOLDER });
        await writeFile(draft, body, { mode: OWNER_ONLY });
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
          `Cannot write to --out ${JSON.stringify(folder)} (${code}): use a folder with write permission and free space.`,
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
          const facts = await stat(path, { bigint: true }).catch(ifMissing(path, undefined));
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
      const folders = (await entriesOf(join(root, prefix))).filter((entry) => entry.isDirectory());
      return folders.map(({ name }) => name).sort();
    },

    async delete(...keys) {
      for (const key of keys) await rm(join(root, key), { force: true });
    },
  };
}

/** A file that is written again is another file, written at another time. */
function etagFrom({ ino, mtimeNs }: { readonly ino: bigint; readonly mtimeNs: bigint }): string {
  return `${ino}-${mtimeNs}`;
}

/** What to do with an error: `value` if there is no such file. @throws ExportError `ConfigError` for other errors */
function ifMissing<T>(path: string, value: T): (error: NodeJS.ErrnoException) => T {
  return ({ code = 'unknown error' }) => {
    if (code === 'ENOENT' || code === 'ENOTDIR') return value;
    throw new ExportError('ConfigError', `Cannot read ${path} (${code}): check the folder and its permissions.`);
  };
}
