import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { RemovalPolicy, Token } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

export interface ApiKeyProps {
  /** An existing secret. @default a new secret without an API key */
  readonly secretName?: string | undefined;
  /** Encrypts a new secret. @default a key of AWS */
  readonly encryptionKey?: IKey | undefined;
}

/** The ARN of an existing secret ends in six random characters, which are not known without a lookup. */
export function secretArn(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}

/** What finds the secret: its ARN if that is known, because a secret of another account has no other name. */
export function secretId(secret: ISecret): string {
  return Token.isUnresolved(secret.secretArn) ? secret.secretName : secret.secretArn;
}

/**
 * The secret that holds the key of the Personalization API.
 *
 * A new secret has an empty `keyId`: a run before the key is stored fails with an error that says so. The secret is
 * deleted with the stack, because Personalization can issue another key at any time.
 */
export class ApiKey extends Construct {
  readonly secret: ISecret;

  constructor(scope: Construct, id: string, { secretName, encryptionKey }: ApiKeyProps) {
    super(scope, id);
    if (secretName !== undefined) {
      this.secret = Secret.fromSecretNameV2(this, 'Secret', secretName);
      return;
    }
    this.secret = new Secret(this, 'Secret', {
      description: 'Key of the Personalization API for Account Export: {"keyId":"…","secret":"…"}',
      generateSecretString: { secretStringTemplate: JSON.stringify({ keyId: '' }), generateStringKey: 'secret' },
      ...(encryptionKey ? { encryptionKey } : {}),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      this.secret,
      'AwsSolutions-SMG4',
      'Personalization issues API keys to people in its user interface and has no API that a rotation function could call. A replaced key is used within five minutes, or at once when the old one is refused.',
    );
  }
}
