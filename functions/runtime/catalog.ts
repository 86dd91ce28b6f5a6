import { GlueClient } from '@aws-sdk/client-glue';
import { glueCatalog } from '../aws/glue-catalog.ts';
import { catalogEnvironment } from './environment.ts';
import { once } from './ports.ts';

export const deployedCatalog = once(() => {
  const { BUCKET, DATABASE } = catalogEnvironment();
  return glueCatalog({ client: new GlueClient({}), database: DATABASE, bucket: BUCKET });
});
