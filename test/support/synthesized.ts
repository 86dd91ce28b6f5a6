import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';

export const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [
    { name: 'all-accounts', datasetId: 'engage', window: 'P7D' },
    { name: 'emea', datasetId: 'engage', format: 'csv', filter: 'Tier 1 & 2/EMEA', attributeColumns: ['industry'] },
  ],
};

/** The stack's template; bundling is left out, since it takes seconds and no assertion looks into a bundle. */
export function synthesized(config: object = {}, options: { allowDataDeletion?: boolean } = {}): Template {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = new AccountExportStack(app, 'AccountExport', {
    config: parseStackConfig({ ...CONFIG, ...config }),
    ...options,
  });
  return Template.fromStack(stack);
}
