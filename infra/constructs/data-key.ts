import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, type PolicyStatementProps, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

export interface DataKeyProps {
  /** Whether the key goes when the stack goes, and everything it encrypted with it. */
  readonly deletable: boolean;
}

/** A service that works through the key on behalf of a role. */
export type KeyUser = 's3' | 'secretsmanager' | 'sns' | 'sqs';

/** What the key is used for: reading and writing, reading alone, writing alone. */
export const KEY_READS = ['kms:Decrypt'] as const;
export const KEY_WRITES = ['kms:GenerateDataKey'] as const;
/** SNS and SQS decrypt the data key that they reuse, so whoever sends needs both. */
export const KEY_SENDS = [...KEY_READS, ...KEY_WRITES] as const;

/**
 * A key of the customer for what the stack stores: the bucket, the secret, the logs, the topic and the queue.
 *
 * Its policy names the services that come without a role. Roles get their rights in their own policies, each for the
 * services that it goes through.
 */
export class DataKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, { deletable }: DataKeyProps) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description: 'Account Export: parts, manifests, query results, the API key, logs, failures',
      enableKeyRotation: true,
      removalPolicy: deletable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    const stack = Stack.of(this);
    // Source: CloudWatch Logs user guide, "Encrypt log data". The group's own ARN would wait for the key, and it for that.
    const logGroups = stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    allowOnKey(this.key, ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'], {
      principals: [new ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
      conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
    });
    // Rules and alarms write to the topic, and rules and the topic to the queue, with no role. No condition on the account
    // they come from: EventBridge brings none here (SNS developer guide, "Enable compatibility between event sources … and
    // encrypted topics"). Whose rule may write is decided by the policies of the topic and of the queue.
    for (const service of ['cloudwatch.amazonaws.com', 'events.amazonaws.com', 'sns.amazonaws.com']) {
      allowOnKey(this.key, KEY_SENDS, { principals: [new ServicePrincipal(service)] });
    }
  }
}

/** Who does something, and on which conditions. */
type Who = Pick<PolicyStatementProps, 'principals' | 'conditions'>;

/** Lets a service that comes without a role use the key. */
export function allowOnKey(key: IKey, actions: readonly string[], who: Who): void {
  key.addToResourcePolicy(new PolicyStatement({ ...who, actions: [...actions], resources: ['*'] }));
}

/**
 * AWS Budgets, of this account alone: unlike the services above it says whose budget it is. Source: AWS Cost Management user
 * guide, "Creating an Amazon SNS topic for budget notifications", for the topic and for its key.
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

/** Lets a role use the key, only through the services that are named. */
export function useOfKey(key: IKey, actions: readonly string[], through: readonly KeyUser[]): PolicyStatement {
  const { region } = Stack.of(key);
  return new PolicyStatement({
    actions: [...new Set(actions)].sort(),
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': through.map((service) => `${service}.${region}.amazonaws.com`) } },
  });
}
