/** Flags that several commands have: integers, `--out`, `--run-id`, and what is printed. */
import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { directoryStore } from '../local/directory-store.ts';

/** A commander parser for an integer in a range. Commander names the flag and the value. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const allowed = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Use an integer ${allowed}.`);
  };
}

/** Adds `--json`, `--quiet` and `--verbose`. @param json what `--json` prints */
export function withOutputFlags(command: Command, json: string): Command {
  return command
    .option('--json', `print only ${json} on stdout`)
    .option('--quiet', 'print only errors')
    .option('--verbose', 'print stack traces with errors');
}

/** Opens the store at `--out`, a folder or `s3://bucket/prefix`. @throws ExportError `ConfigError` */
export async function storeAt(place: string): Promise<ObjectStore> {
  if (!place.startsWith('s3://')) return directoryStore(place);
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place) ?? [];
  if (bucket === '') {
    throw new ExportError('ConfigError', `Invalid --out (${JSON.stringify(place)}): use s3://bucket/prefix.`);
  }
  const [{ S3Client }, { s3ObjectStore }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../../functions/aws/s3-object-store.ts'),
  ]);
  return s3ObjectStore({ client: new S3Client({}), bucket, prefix });
}

/** A new run id, sortable and valid as an execution name: `20260822T020000Z-1f3a`. */
export function newRunId(now: Date = new Date()): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`;
}
