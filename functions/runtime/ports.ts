/** The ports of a deployed function, made at its first event, so that a wrong environment is an error with a name. */
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { s3ObjectStore } from '../aws/s3-object-store.ts';
import { secretCredentials } from '../aws/secret-credentials.ts';
import { sfnExecutions } from '../aws/sfn-executions.ts';
import type { ObjectStore } from '../export/ports.ts';
import { createAccountsApi } from '../personalization/accounts-api.ts';
import { apiEnvironment, storeEnvironment } from './environment.ts';
import { tracedApi } from './tracing.ts';

/** Makes a value at its first use and keeps it: one set of clients per container. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The bucket of the stack. */
export const deployedStore = once(
  (): ObjectStore => s3ObjectStore({ client: new S3Client({}), bucket: storeEnvironment().BUCKET }),
);

/** The API of the stack's account, with the key from its secret. */
export const deployedApi = once(() => {
  const { API_URL, SECRET_ID } = apiEnvironment();
  return tracedApi(createAccountsApi({ baseUrl: API_URL, credentials: secretCredentials({ secretId: SECRET_ID }) }));
});

/** The executions of the state machine. */
export const deployedExecutions = once(() => sfnExecutions(new SFNClient({})));
