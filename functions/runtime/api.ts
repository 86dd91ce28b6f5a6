/** In a file of its own, so that functions that do not call the API bundle neither its client nor access to the key. */
import { secretCredentials } from '../aws/secret-credentials.ts';
import { createAccountsApi } from '../personalization/accounts-api.ts';
import { apiEnvironment } from './environment.ts';
import { once } from './ports.ts';
import { tracedApi } from './tracing.ts';

/** The API, with the key from the stack's secret. */
export const deployedApi = once(() => {
  const { API_URL, SECRET_ID } = apiEnvironment();
  return tracedApi(createAccountsApi({ baseUrl: API_URL, credentials: secretCredentials({ secretId: SECRET_ID }) }));
});
