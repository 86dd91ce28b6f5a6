// The smallest app: `npx cdk deploy --app 'npx tsx minimal.ts'`, or `node minimal.ts` with Node 24.
import { AccountExport } from 'account-export';
import { App, Stack } from 'aws-cdk-lib';

const stack = new Stack(new App(), 'Data');
new AccountExport(stack, 'Accounts', {
  accountName: 'acme',
  instance: 'us-5',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
});
