/** Why the stack does not do what some rules of the NIST 800-53 R5 pack of cdk-nag ask for. Each is open to dispute. */
export const NIST_ANSWERS: Readonly<Record<string, string>> = {
  CloudWatchAlarmAction:
    'An alarm for what the workflow itself mails, with more to say, tells nobody. All others tell the topic.',
  CloudWatchLogGroupEncrypted:
    'CloudWatch Logs encrypts with a key of its own. With `"encryption": "customer-key"`, with yours.',
  IAMNoInlinePolicy:
    'Each policy is of one role and goes with it; a managed one could be attached to another role, and stay behind. No user or group has any.',
  LambdaConcurrency:
    '`concurrency` bounds the pages in flight. Reserved concurrency would take from the quota of the account whatever is running.',
  LambdaDLQ:
    'Step Functions waits for the answer of four functions, so that no event can get lost. Those that a schedule calls have the queue.',
  LambdaInsideVPC:
    'Functions reach the API and AWS by HTTPS, and nothing reaches them. What calls the API may be put into a network (`network`); the others call AWS alone.',
  S3BucketReplicationEnabled:
    'An export can be made again, and a copy in another region would be a second place to erase personal data in. Replicate the bucket if history must outlive a region.',
  S3BucketVersioningEnabled:
    'Parts lie under keys that no other run uses. Old versions would outlive retention and erasure.',
  S3DefaultEncryptionKMS:
    'With `"encryption": "customer-key"` the bucket of the data is. That of the access logs cannot be: S3 does not deliver there.',
  SNSEncryptedKMS:
    'Messages hold ids and sentences, no data of accounts. With `"encryption": "customer-key"` they are encrypted by your key.',
  SecretsManagerRotationEnabled:
    'Personalization has no call that issues a key. One that was exchanged by hand is in use within five minutes.',
  SecretsManagerUsingKMSKey:
    'Secrets Manager encrypts with a key of AWS. With `"encryption": "customer-key"`, with yours.',
  VPCNoUnrestrictedRouteToIGW:
    'It is the route of the NAT gateway, which is how the address is fixed. Nothing else is in that subnet, and no address is given to anything there.',
};
