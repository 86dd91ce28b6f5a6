/** The stack as `cdk deploy` makes it, without bundles. Each configuration is synthesized once per test file. */
import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
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

export interface SynthesizedStack {
  readonly app: App;
  readonly stack: AccountExportStack;
  readonly template: Template;
}

export interface SynthesisOptions {
  readonly allowDataDeletion?: boolean;
  /** Validates the template with CDK's CloudFormation rules, which takes seconds. @default false */
  readonly validate?: boolean;
  /** Bundles the functions into this folder. @default no bundles */
  readonly bundlesFolder?: string;
}

const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')) as {
  readonly context: Readonly<Record<string, unknown>>;
};
const stacks = new Map<string, SynthesizedStack>();

/** @param config overrides of `CONFIG` */
export function synthesizedStack(config: object = {}, options: SynthesisOptions = {}): SynthesizedStack {
  const key = JSON.stringify([config, options]);
  const known = stacks.get(key);
  if (known) return known;
  const { allowDataDeletion = false, validate = false, bundlesFolder } = options;
  const app = new App({
    context: {
      ...context,
      'accountExport:allowDataDeletion': String(allowDataDeletion),
      ...(bundlesFolder === undefined ? { 'aws:cdk:bundling-stacks': [] } : {}),
    },
    builtinCloudFormationValidation: validate,
    ...(bundlesFolder === undefined ? {} : { outdir: bundlesFolder }),
  });
  const stack = new AccountExportStack(app, 'AccountExport', {
    config: parseStackConfig({ ...CONFIG, ...config }),
  });
  const synthesized = { app, stack, template: Template.fromStack(stack) };
  stacks.set(key, synthesized);
  return synthesized;
}

/** @param config overrides of `CONFIG` */
export function synthesized(config: object = {}, options: SynthesisOptions = {}): Template {
  return synthesizedStack(config, options).template;
}
