import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

export interface ApiKeyProps {
  /** @default a secret is made, without a key in it yet */
  readonly secretName?: string | undefined;
  /** Encrypts a secret that the stack makes. @default a key of AWS */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * The secret that holds the key of the Personalization API.
 *
 * One that the stack makes starts with an empty `keyId`, so that a run before the key was put in ends with that sentence.
 * It goes with the stack: Personalization can issue another key at any time.
 */
export class ApiKey extends Construct {
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, props: ApiKeyProps) {
    super(scope, id);
    if (props.secretName !== undefined) {
      this.secret = Secret.fromSecretNameV2(this, 'Secret', props.secretName);
      return;
    }
    this.secret = new Secret(this, 'Secret', {
      description: 'Key of the Personalization API for Account Export: {"keyId":"…","secret":"…"}',
      generateSecretString: { secretStringTemplate: JSON.stringify({ keyId: '' }), generateStringKey: 'secret' },
      ...(props.encryptionKey ? { encryptionKey: props.encryptionKey } : {}),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      this.secret,
      'AwsSolutions-SMG4',
      'Personalization issues its keys to people, in its own interface: there is no call that a rotation function could make. A key that somebody exchanges by hand is read within five minutes, or at once when the old one is refused.',
    );
  }
}
