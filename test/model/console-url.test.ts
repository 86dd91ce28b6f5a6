import { expect, it } from 'vitest';
import { consoleOf, dashboardPage, executionPage } from '../../functions/model/console-url.ts';

it.each([
  ['aws', 'eu-west-1', 'console.aws.amazon.com'],
  ['aws-cn', 'cn-north-1', 'console.amazonaws.cn'],
  ['aws-us-gov', 'us-gov-west-1', 'console.amazonaws-us-gov.com'],
])('uses the console domain of partition %s', (partition, region, domain) => {
  expect(consoleOf(`arn:${partition}:states:${region}:111122223333:execution:exports:run-1`)).toEqual({
    region,
    domain,
  });
});

it('has no console for a run on one machine or in an unknown partition', () => {
  expect(consoleOf('run-1')).toBeUndefined();
  expect(consoleOf('arn:aws-iso:states:us-iso-east-1:111122223333:execution:exports:run-1')).toBeUndefined();
});

it('links to executions and dashboards', () => {
  const console = { region: 'eu-west-1', domain: 'console.aws.amazon.com' };
  expect(executionPage(console, 'ARN')).toBe(
    'https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/ARN',
  );
  expect(dashboardPage(console, 'exports')).toBe(
    'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/exports',
  );
});
