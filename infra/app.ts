import { App } from 'aws-cdk-lib/core';
import { isExportError } from '../functions/model/errors.ts';
import { AccountExportStack } from './account-export-stack.ts';
import { enforceSecurityChecks } from './security-checks.ts';
import { parseStackConfig } from './stack-config.ts';

const app = new App();
enforceSecurityChecks(app);
try {
  new AccountExportStack(app, 'AccountExport', {
    config: parseStackConfig(app.node.tryGetContext('accountExport')),
    allowDataDeletion: String(app.node.tryGetContext('accountExport:allowDataDeletion')) === 'true',
  });
} catch (error) {
  if (!isExportError(error)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(1);
}
