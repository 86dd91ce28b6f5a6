/** What `--out` may name: a folder, or a prefix of a bucket. Everything else is refused before anything is sent or written. */
import { sep } from 'node:path';
import { type Command, Option } from 'commander';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { directoryStore } from '../local/directory-store.ts';

export type Destination =
  | { readonly kind: 'folder'; readonly folder: string }
  /** The prefix has a slash neither at its start nor at its end. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

export interface DestinationFlags {
  s3Endpoint?: string;
}

/** Adds `--out` and `--s3-endpoint`. */
export function withDestinationFlags(command: Command, description: string, defaultPlace?: string): Command {
  return command
    .addOption(new Option('--out <place>', description).default(defaultPlace))
    .option('--s3-endpoint <url>', 'S3-compatible store instead of AWS, for --out s3://');
}

/** Source: Amazon S3 user guide, "General purpose bucket naming rules". */
const BUCKET = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const BUCKET_RULE = 'with a bucket name of 3 to 63 lowercase letters, digits, dots and hyphens';
const PREFIX_RULE = 'without empty folders, "." or ".." in the prefix';

/** Control characters, and what Node puts in place of bytes that are not UTF-8. */
const UNUSABLE = /[\p{Cc}\uFFFD]/u;
const DRIVE = /^[A-Za-z]:/;
/** A URL, an ARN, `host:port`, a path of scp, a flag, or what a shell would have replaced: `~`, `$HOME`, `%HOME%`. */
const NO_FOLDER = /:|^[~$-]|^%.+%$|\.amazonaws\.com(\.cn)?$/i;

/**
 * What a value of `--out` names. It reads no file and sends no request.
 * @param place such as `./out`, `C:\out`, `s3://bucket/prefix`
 * @throws ExportError `ConfigError` that says what is allowed
 */
export function destinationOf(place: string): Destination {
  const refuse = (rule: string): never => {
    // A URL may contain a password or a signature.
    const shown = /[@?]/.test(place) ? 'value not shown' : JSON.stringify(place.slice(0, 60));
    throw new ExportError('ConfigError', `Invalid --out (${shown}): ${rule}.`);
  };
  if (UNUSABLE.test(place)) return refuse('use a folder or s3://bucket/prefix without control characters');
  if (place.startsWith('s3://')) {
    const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]*)\/?(.*?)\/?$/.exec(place) ?? [];
    if (!BUCKET.test(bucket)) return refuse(`use s3://bucket/prefix ${BUCKET_RULE}`);
    if (prefix.split('/').some((name) => prefix !== '' && ['', '.', '..'].includes(name)))
      return refuse(`use s3://bucket/prefix ${PREFIX_RULE}`);
    return { kind: 's3', bucket, prefix };
  }
  // Elsewhere this would be a folder with backslashes in its name.
  if (/^\\\\/.test(place) && sep !== '\\') return refuse('use the folder where the network share is mounted');
  if (place.trim() === '') return refuse('use a folder such as ./out, or s3://bucket/prefix');
  const [first = ''] = place.replace(DRIVE, '').split(/[/\\]/, 1);
  if (NO_FOLDER.test(first))
    return refuse('use a folder or s3://bucket/prefix (for a folder of this name, put ./ in front)');
  return { kind: 'folder', folder: place };
}

/**
 * Opens the store at `--out`.
 * @throws ExportError `ConfigError` for anything but a folder or `s3://bucket/prefix`, and for an invalid endpoint
 */
export async function storeAt(place: string, { s3Endpoint }: DestinationFlags = {}): Promise<ObjectStore> {
  const destination = destinationOf(place);
  if (destination.kind === 'folder') {
    if (s3Endpoint === undefined) return directoryStore(destination.folder);
    throw endpointWithoutBucket();
  }
  const [{ connectS3 }, { s3ObjectStore }] = await Promise.all([
    import('../local/connect-s3.ts'),
    import('../../functions/aws/s3-object-store.ts'),
  ]);
  const { bucket, prefix } = destination;
  return s3ObjectStore({ ...(await connectS3(s3Endpoint)), bucket, prefix });
}

export function endpointWithoutBucket(): ExportError {
  return new ExportError('ConfigError', 'Conflicting flags: --s3-endpoint needs --out s3://bucket/prefix.');
}
