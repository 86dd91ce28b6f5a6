/** Apart from the other ports: a function that does not call the API carries neither its client nor what reads the key. */
import { secretCredentials } from '../aws/secret-credentials.ts';
import { createAccountsApi } from '../personalization/accounts-api.ts';
import { apiEnvironment } from './environment.ts';
import { once } from './ports.ts';
import { tracedApi } from './tracing.ts';

/** The API of the stack's account, with the key from its secret. */
export const deployedApi = once(() => {
  const { API_URL, SECRET_ID } = apiEnvironment();
  return tracedApi(createAccountsApi({ baseUrl: API_URL, credentials: secretCredentials({ secretId: SECRET_ID }) }));
});
