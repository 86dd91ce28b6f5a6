import { RemovalPolicy } from 'aws-cdk-lib';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export interface ApiKeyProps {
  /** @default a secret is made, without a key in it yet */
  readonly secretName?: string | undefined;
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
    this.secret =
      props.secretName === undefined
        ? new Secret(this, 'Secret', {
            description: 'Key of the Personalization API for Account Export: {"keyId":"…","secret":"…"}',
            generateSecretString: { secretStringTemplate: JSON.stringify({ keyId: '' }), generateStringKey: 'secret' },
            removalPolicy: RemovalPolicy.DESTROY,
          })
        : Secret.fromSecretNameV2(this, 'Secret', props.secretName);
  }
}
