import { S3Client } from '@aws-sdk/client-s3';
import { s3ObjectStore } from '../aws/s3-object-store.ts';
import type { ObjectStore } from '../export/ports.ts';
import { storeEnvironment } from './environment.ts';

/**
 * Creates a value at its first use and keeps it: one set of clients per container. At import, an invalid environment would not
 * be reported as `ConfigError`.
 */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

export const deployedStore = once(
  (): ObjectStore => s3ObjectStore({ client: new S3Client({}), bucket: storeEnvironment().BUCKET }),
);
