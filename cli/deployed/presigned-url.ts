import type { S3Client } from '@aws-sdk/client-s3';

/** Long enough to open the link, and to send it to a colleague. */
export const LINK_SECONDS = 3600;

export interface StoredPage {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
}

/** A link to an HTML page in a bucket, for anyone who has it, until it expires after `LINK_SECONDS`. */
export async function presignedUrl({ client, bucket, key }: StoredPage): Promise<string> {
  const [{ GetObjectCommand }, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  // Whatever the store says about the object, the browser shows it.
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, ResponseContentType: 'text/html; charset=utf-8' });
  return getSignedUrl(client, command, { expiresIn: LINK_SECONDS });
}
