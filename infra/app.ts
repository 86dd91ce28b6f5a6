import { App } from 'aws-cdk-lib/core';
import { isExportError } from '../functions/model/errors.ts';
import { AccountExportStack } from './account-export-stack.ts';
import { configurationSummary } from './configuration-summary.ts';
import { enforceSecurityChecks } from './security-checks.ts';
import { parseStackConfig } from './stack-config.ts';
import { checkTemplateSize } from './template-size.ts';

const app = new App();
enforceSecurityChecks(app);
try {
  // The CDK command line sets it from the profile or AWS_REGION.
  const region = process.env.CDK_DEFAULT_REGION;
  const config = parseStackConfig(app.node.tryGetContext('accountExport'), { now: Date.now(), region });
  const stack = new AccountExportStack(app, config.stackName, {
    config,
    allowDataDeletion: String(app.node.tryGetContext('accountExport:allowDataDeletion')) === 'true',
  });
  checkTemplateSize(app, stack, config);
  // On stderr, because `cdk synth` prints the template on stdout.
  process.stderr.write(`\n${configurationSummary(config, region).join('\n')}\n`);
} catch (error) {
  if (!isExportError(error)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(1);
}
