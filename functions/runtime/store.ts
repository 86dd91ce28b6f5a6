import { S3Client } from '@aws-sdk/client-s3';
import { s3ObjectStore } from '../aws/s3-object-store.ts';
import type { ObjectStore } from '../export/ports.ts';
import { storeEnvironment } from './environment.ts';
import { once } from './once.ts';

export const deployedStore = once(
  (): ObjectStore => s3ObjectStore({ client: new S3Client({}), bucket: storeEnvironment().BUCKET }),
);
