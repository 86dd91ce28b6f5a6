/** In a file of its own, so that functions that do not call the API bundle neither its client nor access to the key. */
import { secretCredentials } from '../aws/secret-credentials.ts';
import { createAccountsApi } from '../personalization/accounts-api.ts';
import { proxyFor } from '../personalization/proxy.ts';
import { apiEnvironment } from './environment.ts';
import { once } from './once.ts';
import { tracedApi } from './tracing.ts';

/** The API, with the key from the stack's secret. */
export const deployedApi = once(() => {
  const { API_URL, SECRET_ID } = apiEnvironment();
  const credentials = secretCredentials({ secretId: SECRET_ID });
  // Neither Lambda nor the stack sets a proxy: only functions whose environment names one use it.
  const proxy = proxyFor(API_URL, process.env);
  return tracedApi(createAccountsApi({ baseUrl: API_URL, credentials, proxy }));
});
