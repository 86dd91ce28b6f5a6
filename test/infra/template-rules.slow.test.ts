import { expect, it } from 'vitest';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

it.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])('the CloudFormation rules of CDK accept %s', (name) => {
  expect(() => configuredStack(name, { validate: true })).not.toThrow();
});
