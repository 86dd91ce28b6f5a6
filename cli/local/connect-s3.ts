/** The S3 client of a run on one machine: AWS, or an S3-compatible store. */
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Location } from '../../functions/aws/s3-object-store.ts';
import { ExportError } from '../../functions/model/errors.ts';

/** The SDK waits for a connection as long as the operating system does: minutes. */
const REQUESTS = { connectionTimeout: 5000 };
/** Other stores need one for the signature, and accept this one. */
const DEFAULT_REGION = 'us-east-1';

/**
 * @param flag the value of `--s3-endpoint`. @default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` or the AWS profile, as in the SDK
 * @throws ExportError `ConfigError` for an endpoint that is no URL
 */
export async function connectS3(flag: string | undefined): Promise<Pick<S3Location, 'client' | 'endpoint'>> {
  const aws = new S3Client({ requestHandler: REQUESTS });
  const configured = flag ?? (await aws.config.serviceConfiguredEndpoint?.());
  if (configured === undefined) return { client: aws };
  const endpoint = parseEndpoint(configured, flag === undefined ? 'AWS_ENDPOINT_URL_S3' : '--s3-endpoint');
  const client = new S3Client({
    endpoint: endpoint.href,
    // Their host names rarely include the bucket: MinIO and Ceph need extra DNS entries for that.
    forcePathStyle: true,
    // Some stores reject the checksums that the SDK adds by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    region: () => aws.config.region().catch(() => DEFAULT_REGION),
    requestHandler: REQUESTS,
  });
  return { client, endpoint: endpoint.host };
}

function parseEndpoint(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.href === url.origin + url.pathname) return url;
  // The value is not repeated: it may contain a password.
  throw new ExportError(
    'ConfigError',
    `Invalid ${name}: use an http or https URL without user, password or query, such as https://minio.example.com:9000.`,
  );
}
