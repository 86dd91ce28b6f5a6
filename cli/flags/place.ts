/** `--out`: a folder or a bucket. */
import type { ObjectStore } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { directoryStore } from '../local/directory-store.ts';

/** Opens the store at `place`, a folder or `s3://bucket/prefix`. @throws ExportError `ConfigError` */
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
