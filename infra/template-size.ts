import { readFileSync } from 'node:fs';
import type { App, Stack } from 'aws-cdk-lib/core';
import { ExportError } from '../functions/model/errors.ts';
import { longestAttributeList } from '../functions/model/export-settings.ts';
import type { StackConfig } from './stack-config.ts';

/** Source: CloudFormation user guide, "CloudFormation quotas", Template body size in an S3 object (1 MB). */
export const MAX_TEMPLATE_BYTES = 1_000_000;

/**
 * Synthesizes the app, and checks the size of the stack's template: CDK only warns. What grows is the attribute names, which
 * each CSV column, view and parameter repeats.
 * @throws ExportError `ConfigError`
 */
export function checkTemplateSize(app: App, stack: Stack, { exports }: Pick<StackConfig, 'exports'>): void {
  const { length } = readFileSync(app.synth().getStackArtifact(stack.artifactId).templateFullPath);
  if (length <= MAX_TEMPLATE_BYTES) return;
  throw new ExportError(
    'ConfigError',
    `The template of stack "${stack.stackName}" is too large (${length} bytes, maximum ${MAX_TEMPLATE_BYTES} in CloudFormation): shorten attributeColumns; export "${longestAttributeList(exports).name}" has the longest list.`,
  );
}
