import { Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { allowOnKey, byBudgets, KEY_SENDS } from './data-key.ts';

export interface CostBudgetProps {
  /** USD for a calendar month. */
  readonly monthlyUsd: number;
  /** What is counted: resources that carry it. */
  readonly costTag: { readonly key: string; readonly value: string };
  /** Whom it tells. */
  readonly topic: Topic;
  /** The key of the topic, if it has one of the customer's. */
  readonly encryptionKey?: IKey | undefined;
}

/** Of the budget, in percent: when it is spent so far, and when it will be by the end of the month if things go on so. */
const ACTUAL_PERCENT = 80;
const FORECAST_PERCENT = 100;

/**
 * Tells the topic when the stack costs more than is meant.
 *
 * It counts by tag, and so counts nothing before the tag is activated in Billing (`docs/cost.md`). Without a name of its
 * own, for other notifications are another budget, which could not have the same one (CloudFormation template reference,
 * `AWS::Budgets::Budget`).
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
    // Whether it may write to the topic is tried when it is made.
    if (policyDependable) budget.node.addDependency(policyDependable);
  }
}
