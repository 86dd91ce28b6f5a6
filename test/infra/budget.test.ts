import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';
import { configuredStack } from './configured-stack.ts';

const ACCOUNT = { Ref: 'AWS::AccountId' };
const OF_THIS_ACCOUNT = {
  StringEquals: { 'aws:SourceAccount': ACCOUNT },
  ArnLike: {
    'aws:SourceArn': { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':budgets::', ACCOUNT, ':*']] },
  },
};
const BUDGETS = { Service: 'budgets.amazonaws.com' };

describe('a budget', () => {
  const template = synthesized({ monthlyBudgetUsd: 20 });
  const [topic] = Object.keys(template.findResources('AWS::SNS::Topic'));
  const [policy] = Object.keys(template.findResources('AWS::SNS::TopicPolicy'));
  const over = (NotificationType: string, Threshold: number) => ({
    Notification: { NotificationType, Threshold, ThresholdType: 'PERCENTAGE', ComparisonOperator: 'GREATER_THAN' },
    Subscribers: [{ SubscriptionType: 'SNS', Address: { Ref: topic } }],
  });

  it('counts resources with the cost tag, and notifies the topic at 80 % and at a forecast above 100 %', () => {
    template.hasResource('AWS::Budgets::Budget', {
      DependsOn: [policy],
      Properties: {
        Budget: {
          BudgetType: 'COST',
          TimeUnit: 'MONTHLY',
          BudgetLimit: { Amount: 20, Unit: 'USD' },
          CostFilters: { TagKeyValue: ['user:application$account-export'] },
          BudgetName: Match.absent(),
        },
        NotificationsWithSubscribers: [over('ACTUAL', 80), over('FORECASTED', 100)],
      },
    });
  });

  it('uses a configured cost tag', () => {
    synthesized({ monthlyBudgetUsd: 20, tags: { Application: 'Accounts' } }).hasResourceProperties(
      'AWS::Budgets::Budget',
      { Budget: Match.objectLike({ CostFilters: { TagKeyValue: ['user:Application$Accounts'] } }) },
    );
  });

  it('may publish to the topic from this account only', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          {
            Sid: Match.anyValue(),
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: BUDGETS,
            Resource: { Ref: topic },
            Condition: OF_THIS_ACCOUNT,
          },
        ]),
      },
    });
  });

  it('may use the customer key of the topic from this account only', () => {
    configuredStack('all options').template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          {
            Effect: 'Allow',
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
            Principal: BUDGETS,
            Resource: '*',
            Condition: OF_THIS_ACCOUNT,
          },
        ]),
      },
    });
  });

  it('needs no rights when it is not configured', () => {
    for (const name of ['the default', 'a customer key'] as const) {
      expect(JSON.stringify(configuredStack(name).template.toJSON())).not.toMatch(/budgets/i);
    }
  });

  it.each([
    ['eu-north-1', 'refused'],
    ['us-gov-west-1', 'refused'],
    ['us-east-1', 'accepted'],
    ['eu-central-1', 'accepted'],
    [undefined, 'accepted'],
  ])('in region %s is %s', (region, expected) => {
    const parse = () => parseStackConfig({ ...CONFIG, monthlyBudgetUsd: 20 }, { region });
    if (expected === 'accepted') expect(parse).not.toThrow();
    else
      expect(parse).toThrow(
        `monthlyBudgetUsd must not be set in ${region}, where CloudFormation has no budgets: remove it, and create the budget in the Billing console (got 20)`,
      );
    expect(() => parseStackConfig(CONFIG, { region })).not.toThrow();
  });

  it.each([0, 0.5, 1_000_001, '20'])('cannot be %j', (monthlyBudgetUsd) => {
    expect(() => parseStackConfig({ ...CONFIG, monthlyBudgetUsd })).toThrow(
      'monthlyBudgetUsd must be an integer from 1 to 1000000 (got ',
    );
  });
});
