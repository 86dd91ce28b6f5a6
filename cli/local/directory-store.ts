import { randomUUID } from 'node:crypto';
import { type BigIntStats, type Dirent, readFileSync, statSync } from 'node:fs';
import { link, mkdir, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ObjectStore, StoredObject } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';

/**
 * Names that start with a dot are read neither by Athena nor here. Drafts have such names, so that those of a process that
 * was killed are ignored.
 */
const HIDDEN = '.';

/** Files looked at in a row, while nothing else happens. */
const FILES_AT_ONCE = 100;

/** Modes of new files and folders: accounts are readable by their owner only. */
const OWNER_ONLY = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

/** A backslash separates folders on Windows only. */
const TRAILING_SEPARATORS = sep === '/' ? /\/+$/ : /[/\\]+$/;

/** Why a file or folder cannot be written, by error code. */
const WRITE_CAUSES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file is in its path',
  EEXIST: 'a file is in its path',
  ENOENT: 'it cannot be created there',
  ENOSPC: 'no space left',
  EDQUOT: 'the disk quota is used up',
  ENAMETOOLONG: 'the path is too long',
  ELOOP: 'too many symbolic links',
  EINVAL: 'the file system does not allow this name',
};
/** Hard links create a file unless it exists. Network drives and memory cards often lack them. */
const NO_LINKS: Readonly<Record<string, string>> = Object.fromEntries(
  ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EINVAL'].map((code) => [
    code,
    'the file system has no hard links',
  ]),
);

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

  /** @param prefix of their keys: empty, or ends in a slash */
  async function keysBelow(prefix: string): Promise<string[]> {
    const below = (await entriesOf(join(root, prefix))).map(async (entry) => {
      return entry.isDirectory() ? keysBelow(`${prefix}${entry.name}/`) : [`${prefix}${entry.name}`];
    });
    return (await Promise.all(below)).flat();
  }

  async function etagOf(path: string): Promise<string | undefined> {
    const facts = await stat(path, { bigint: true }).catch(ifMissing(path, undefined));
    return facts && etagFrom(facts);
  }

  return {
    location: `${folder.replace(TRAILING_SEPARATORS, '')}/`,

    // Synchronous: through the thread pool, a small file takes five times the CPU time. Others have their turn before.
    async get(key) {
      await setImmediate();
      const path = join(root, key);
      try {
        const etag = etagFrom(statSync(path, { bigint: true }));
        return { body: readFileSync(path), etag };
      } catch (error) {
        return ifMissing(path, undefined)(error as NodeJS.ErrnoException);
      }
    },

    // Not synchronous: a network drive may be slow, and neither requests nor Ctrl-C must wait for it.
    async put(key, body, condition) {
      const path = join(root, key);
      const draft = draftOf(path);
      let isDraftLeft = true;
      try {
        await writeDraft(draft, body);
        // A rename or link keeps both what the etag is made of.
        const etag = etagFrom(await stat(draft, { bigint: true }));
        // Not atomic as in S3, but on one machine one run writes a part at a time.
        if (condition && 'ifMatch' in condition && (await etagOf(path)) !== condition.ifMatch) return undefined;
        if (condition && 'ifNoneMatch' in condition) {
          // Unlike a rename, a link fails if the file exists.
          await link(draft, path);
        } else {
          await rename(draft, path);
          isDraftLeft = false;
        }
        return etag;
      } catch (error) {
        if (error instanceof ExportError) throw error;
        const { code = 'unknown error', syscall } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST' && condition) return undefined;
        // A full disk or a missing permission does not change by itself, so this is permanent.
        const cause = (syscall === 'link' && NO_LINKS[code]) || WRITE_CAUSES[code];
        throw new ExportError(
          'ConfigError',
          `Cannot write to --out ${JSON.stringify(folder)} (${cause === undefined ? code : `${cause}, ${code}`}): use a folder with write permission and free space.`,
        );
      } finally {
        if (isDraftLeft) await unlink(draft).catch(() => undefined);
      }
    },

    async list(prefix) {
      const objects: StoredObject[] = [];
      for (const [i, key] of (await keysBelow(prefix)).sort().entries()) {
        if (i % FILES_AT_ONCE === 0) await setImmediate();
        const facts = factsOf(join(root, key));
        if (facts) objects.push({ key, bytes: Number(facts.size), etag: etagFrom(facts) });
      }
      return objects;
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

/** Writes a new file. Its folder usually exists. */
async function writeDraft(path: string, body: Uint8Array): Promise<void> {
  const write = () => writeFile(path, body, { mode: OWNER_ONLY });
  try {
    await write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeFolder(dirname(path));
    await write();
  }
}

/**
 * Creates a folder and those above it. With `recursive`, `mkdir` of Node never ends where a folder accepts no folders
 * and says that it does not exist, as /proc does.
 */
async function makeFolder(path: string): Promise<void> {
  const make = () => mkdir(path, { mode: OWNER_ONLY_FOLDER });
  const unlessItExists = (error: NodeJS.ErrnoException) => {
    // If it is a file, writing below it fails.
    if (error.code !== 'EEXIST') throw error;
  };
  try {
    await make().catch(unlessItExists);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await make().catch(unlessItExists);
  }
}

/** @returns `undefined` if there is no such file: another process may have removed it since it was listed */
function factsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    return ifMissing(path, undefined)(error as NodeJS.ErrnoException);
  }
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
