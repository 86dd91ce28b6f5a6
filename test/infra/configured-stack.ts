/** The configurations that differ in the resources they create. */
import { CONFIG, type SynthesizedStack, synthesizedStack } from '../support/synthesized.ts';

const SCHEDULED = {
  alarmEmail: 'data-team@example.com',
  exports: CONFIG.exports.map((settings) => ({ ...settings, schedule: 'cron(0 6 * * ? *)' })),
};

export const EXISTING_VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
};

/** The keys of a configuration that decide which resources exist. */
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

export const CONFIGURATIONS = {
  'the default': SCHEDULED,
  'a customer key': { ...SCHEDULED, encryption: 'customer-key' },
  'an existing VPC': { ...SCHEDULED, network: EXISTING_VPC },
  'a fixed address': { ...SCHEDULED, network: { fixedEgressIp: true } },
  'all options': {
    ...SCHEDULED,
    encryption: 'customer-key',
    network: { fixedEgressIp: true },
    deleteDataWithStack: true,
    monthlyBudgetUsd: 50,
    tags: { 'cost-center': '4711' },
  },
  'an existing secret and security group': {
    ...SCHEDULED,
    encryption: 'customer-key',
    secretName: 'personalization/key',
    network: { ...EXISTING_VPC, securityGroupIds: ['sg-0123456789abcdef0'] },
  },
} as const satisfies Record<string, Configuration>;

export type ConfigurationName = keyof typeof CONFIGURATIONS;

export function configuredStack(name: ConfigurationName, { validate = false } = {}): SynthesizedStack {
  return synthesizedStack(CONFIGURATIONS[name], { allowDataDeletion: true, validate });
}
