/** An IAM user of the emulator with the permissions of one policy. */
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { Emulator } from './emulator.ts';

export interface Right {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

/** @returns client options with the credentials of a new user */
export async function limitedUser(
  { client }: Pick<Emulator, 'client'>,
  name: string,
  rights: readonly Right[],
): Promise<Emulator['client']> {
  const iam = new IAMClient(client);
  try {
    await iam.send(new CreateUserCommand({ UserName: name }));
    const policy = {
      Version: '2012-10-17',
      Statement: rights.map(({ actions, resources }) => ({ Effect: 'Allow', Action: actions, Resource: resources })),
    };
    await iam.send(
      new PutUserPolicyCommand({ UserName: name, PolicyName: 'rights', PolicyDocument: JSON.stringify(policy) }),
    );
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    const { AccessKeyId = '', SecretAccessKey = '' } = AccessKey ?? {};
    return { ...client, credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } };
  } finally {
    iam.destroy();
  }
}
