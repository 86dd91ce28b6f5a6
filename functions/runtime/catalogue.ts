import { GlueClient } from '@aws-sdk/client-glue';
import { glueCatalogue } from '../aws/glue-catalogue.ts';
import { catalogueEnvironment } from './environment.ts';
import { once } from './ports.ts';

/** The Glue database of the stack. */
export const deployedCatalogue = once(() => {
  const { BUCKET, DATABASE } = catalogueEnvironment();
  return glueCatalogue({ client: new GlueClient({}), database: DATABASE, bucket: BUCKET });
});
