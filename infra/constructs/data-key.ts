import { PolicyStatement, type PolicyStatementProps, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { kept } from './kept.ts';

export interface DataKeyProps {
  /** A key to use instead. Its policy is extended if it is of the same app. @default a new key */
  readonly existing?: IKey | undefined;
  /** Whether the key is deleted with the stack; everything it encrypted is then lost. */
  readonly deletable: boolean;
}

/** A service that uses the key on behalf of a role. */
type KeyUser = 's3' | 'secretsmanager' | 'sns' | 'sqs' | 'states';

export const KEY_READS = ['kms:Decrypt'] as const;
export const KEY_WRITES = ['kms:GenerateDataKey'] as const;
/** SNS and SQS decrypt the data key that they reuse, so senders need both. */
export const KEY_SENDS = [...KEY_READS, ...KEY_WRITES] as const;

/**
 * A customer managed key for everything the stack stores: bucket, secret, executions, logs, topic and queues.
 *
 * The key policy names the services that have no role. Roles get their rights in their own policies, limited to the
 * services through which they use the key.
 */
export class DataKey extends Construct {
  readonly key: IKey;

  constructor(scope: Construct, id: string, { existing, deletable }: DataKeyProps) {
    super(scope, id);
    this.key =
      existing ??
      new Key(this, 'Key', {
        description: 'Account Export: parts, manifests, query results, API key, executions, logs, notifications',
        enableKeyRotation: true,
        removalPolicy: kept(deletable),
      });
    const stack = Stack.of(this);
    // Source: CloudWatch Logs user guide, "Encrypt log data". All groups, because one group's ARN would be a circular
    // dependency.
    const logGroups = stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    allowOnKey(this.key, ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'], {
      principals: [new ServicePrincipal(`logs.${stack.region}.${stack.urlSuffix}`)],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
    });
    // Rules and alarms publish to the topic, and rules and the topic send to the queue, without a role.
    const ofThisAccount = { StringEquals: { 'aws:SourceAccount': stack.account } };
    for (const service of ['cloudwatch.amazonaws.com', 'sns.amazonaws.com']) {
      allowOnKey(this.key, KEY_SENDS, { principals: [new ServicePrincipal(service)], conditions: ofThisAccount });
    }
    // No condition, because EventBridge sends no source account (SNS developer guide, "Enable compatibility between event
    // sources … and encrypted topics"). The policies of the topic and the queue restrict the senders.
    allowOnKey(this.key, KEY_SENDS, { principals: [new ServicePrincipal('events.amazonaws.com')] });
  }
}

type Who = Pick<PolicyStatementProps, 'principals' | 'conditions'>;

/** Lets a service that has no role use the key. */
export function allowOnKey(key: IKey, actions: readonly string[], who: Who): void {
  key.addToResourcePolicy(new PolicyStatement({ ...who, actions: [...actions], resources: ['*'] }));
}

/**
 * AWS Budgets in this account only, for the topic and its key. Source: AWS Cost Management user guide, "Creating an Amazon
 * SNS topic for budget notifications".
 */
export function byBudgets(stack: Stack): Who {
  return {
    principals: [new ServicePrincipal('budgets.amazonaws.com')],
    conditions: {
      StringEquals: { 'aws:SourceAccount': stack.account },
      ArnLike: { 'aws:SourceArn': `arn:${stack.partition}:budgets::${stack.account}:*` },
    },
  };
}

/** Lets a role use the key, through the named services only. */
export function useOfKey(key: IKey, actions: readonly string[], through: readonly KeyUser[]): PolicyStatement {
  const { region } = Stack.of(key);
  return new PolicyStatement({
    actions: [...new Set(actions)].sort(),
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': through.map((service) => `${service}.${region}.amazonaws.com`) } },
  });
}
