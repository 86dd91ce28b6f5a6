import { GlueClient } from '@aws-sdk/client-glue';
import { glueCatalog } from '../aws/glue-catalog.ts';
import { catalogEnvironment } from './environment.ts';
import { logger } from './observability.ts';
import { once } from './once.ts';

export const deployedCatalog = once(() => {
  const { BUCKET, DATABASE } = catalogEnvironment();
  const warn = (message: string, error: unknown) => {
    const { name, message: errorMessage } = error as Error;
    logger.warn(message, { errorName: name, errorMessage });
  };
  return glueCatalog({ client: new GlueClient({}), database: DATABASE, bucket: BUCKET, warn });
});
