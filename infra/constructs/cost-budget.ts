import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { allowOnKey, byBudgets, KEY_SENDS } from './data-key.ts';

export interface CostBudgetProps {
  /** USD for a calendar month. */
  readonly monthlyUsd: number;
  /** Resources with this tag are counted. */
  readonly costTag: { readonly key: string; readonly value: string };
  /** Receives the notifications. */
  readonly topic: ITopic;
  /** The customer managed key of the topic, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/** Thresholds in percent of the budget: for actual costs, and for the forecast at the end of the month. */
const ACTUAL_PERCENT = 80;
const FORECAST_PERCENT = 100;

/**
 * Notifies the topic when the stack costs more than planned.
 *
 * It counts by tag, so it counts nothing until the tag is activated in Billing (`docs/cost.md`). It has no name, because
 * CloudFormation replaces a budget to change its notifications, and the replacement could not have the same name
 * (CloudFormation template reference, `AWS::Budgets::Budget`).
 */
export class CostBudget extends Construct {
  constructor(scope: Construct, id: string, { monthlyUsd, costTag, topic, encryptionKey }: CostBudgetProps) {
    super(scope, id);
    const byThisAccount = byBudgets(Stack.of(this));
    const { policyDependable } = topic.addToResourcePolicy(
      new PolicyStatement({ ...byThisAccount, actions: ['sns:Publish'], resources: [topic.topicArn] }),
    );
    if (encryptionKey) allowOnKey(encryptionKey, KEY_SENDS, byThisAccount);
    const subscribers = [{ subscriptionType: 'SNS', address: topic.topicArn }];
    const over = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: { notificationType, threshold, thresholdType: 'PERCENTAGE', comparisonOperator: 'GREATER_THAN' },
      subscribers,
    });
    const budget = new CfnBudget(this, 'Budget', {
      budget: {
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyUsd, unit: 'USD' },
        costFilters: { TagKeyValue: [`user:${costTag.key}$${costTag.value}`] },
      },
      notificationsWithSubscribers: [over('ACTUAL', ACTUAL_PERCENT), over('FORECASTED', FORECAST_PERCENT)],
    });
    // AWS checks the topic's policy when it creates the budget.
    if (policyDependable) budget.node.addDependency(policyDependable);
  }
}
