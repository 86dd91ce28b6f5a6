/** The stack with the flags of `cdk.json`, as it is deployed, in the configurations that differ in what they make. */
import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG } from '../support/synthesized.ts';

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as {
  context: Record<string, unknown>;
};

const SCHEDULED = {
  alarmEmail: 'data-team@example.com',
  exports: CONFIG.exports.map((settings) => ({ ...settings, schedule: 'cron(0 6 * * ? *)' })),
};

export const EXISTING_VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
};

/** What of a configuration decides which resources there are. */
export interface Configuration {
  readonly alarmEmail: string;
  readonly exports: readonly object[];
  readonly encryption?: string;
  readonly secretName?: string;
  readonly network?: object;
  readonly deleteDataWithStack?: boolean;
  readonly monthlyBudgetUsd?: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** By the names that tests give them. */
export const CONFIGURATIONS = {
  'the default': SCHEDULED,
  'a key of the customer': { ...SCHEDULED, encryption: 'customer-key' },
  'an existing VPC': { ...SCHEDULED, network: EXISTING_VPC },
  'a fixed address': { ...SCHEDULED, network: { fixedEgressIp: true } },
  'all of it': {
    ...SCHEDULED,
    encryption: 'customer-key',
    network: { fixedEgressIp: true },
    deleteDataWithStack: true,
    monthlyBudgetUsd: 50,
    tags: { 'cost-center': '4711' },
  },
  'a secret and a security group that exist': {
    ...SCHEDULED,
    encryption: 'customer-key',
    secretName: 'personalization/key',
    network: { ...EXISTING_VPC, securityGroupIds: ['sg-0123456789abcdef0'] },
  },
} as const satisfies Record<string, Configuration>;

export type ConfigurationName = keyof typeof CONFIGURATIONS;

export interface ConfiguredStack {
  readonly app: App;
  readonly stack: AccountExportStack;
  readonly template: Template;
}

const made = new Map<string, ConfiguredStack>();

export function configuredStack(name: ConfigurationName): ConfiguredStack {
  const known = made.get(name);
  if (known) return known;
  const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
  const stack = new AccountExportStack(app, 'AccountExport', {
    config: parseStackConfig({ ...CONFIG, ...CONFIGURATIONS[name] }),
    allowDataDeletion: true,
  });
  const configured = { app, stack, template: Template.fromStack(stack) };
  made.set(name, configured);
  return configured;
}
