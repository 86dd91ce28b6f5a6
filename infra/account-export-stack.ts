import { Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { AccountExport } from './account-export.ts';
import type { StackConfig } from './stack-config.ts';
import { allTags } from './stack-tags.ts';

export interface AccountExportStackProps extends StackProps {
  readonly config: StackConfig;
}

/** A stack with nothing but `AccountExport`, as `cdk.json` configures it. */
export class AccountExportStack extends Stack {
  readonly accountExport: AccountExport;

  constructor(scope: Construct, id: string, { config, ...props }: AccountExportStackProps) {
    const { stackName, terminationProtection, ...settings } = config;
    super(scope, id, {
      stackName,
      description: 'Account Export: Personalization accounts to S3 and Athena',
      terminationProtection,
      // Hundreds of columns come close to CloudFormation's limit of 1 MB.
      suppressTemplateIndentation: true,
      // They reach resources that CDK cannot tag, such as the function that empties a bucket.
      tags: allTags(config.tags, stackName),
      ...props,
    });
    this.accountExport = new AccountExport(this, 'Default', settings);
  }
}
