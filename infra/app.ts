import { App } from 'aws-cdk-lib/core';
import { isExportError } from '../functions/model/errors.ts';
import { AccountExportStack } from './account-export-stack.ts';
import { enforceSecurityChecks } from './security-checks.ts';
import { parseStackConfig } from './stack-config.ts';
import { checkTemplateSize } from './template-size.ts';

const app = new App();
enforceSecurityChecks(app);
try {
  const config = parseStackConfig(app.node.tryGetContext('accountExport'), {
    now: Date.now(),
    // The CDK command line sets it from the profile or AWS_REGION.
    region: process.env.CDK_DEFAULT_REGION,
  });
  const stack = new AccountExportStack(app, config.stackName, { config });
  checkTemplateSize(app, stack, config);
} catch (error) {
  if (!isExportError(error)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(1);
}
