import { describe, expect, it } from 'vitest';
import { configuredStack } from './configured-stack.ts';

const { template } = configuredStack('the default');
const buckets = Object.entries(template.findResources('AWS::S3::Bucket'));
const [logsId = '', logs] = buckets.find(([id]) => id.startsWith('AccessLogs')) ?? [];
const [dataId = '', data] = buckets.find(([id]) => id.startsWith('Storage')) ?? [];

describe('the access logs', () => {
  it('are delivered by S3 to a separate bucket, for the data bucket only', () => {
    expect(data?.Properties.LoggingConfiguration).toEqual({
      DestinationBucketName: { Ref: logsId },
      LogFilePrefix: 'objects/',
    });
    const arn = { 'Fn::GetAtt': [logsId, 'Arn'] };
    const policies = Object.values(template.findResources('AWS::S3::BucketPolicy'));
    const [policy] = policies.filter(({ Properties }) => Properties.Bucket.Ref === logsId);
    const allowed = policy?.Properties.PolicyDocument.Statement.filter(
      ({ Effect }: { Effect: string }) => Effect === 'Allow',
    );
    expect(allowed).toEqual([
      {
        Effect: 'Allow',
        Principal: { Service: 'logging.s3.amazonaws.com' },
        Action: 's3:PutObject',
        Resource: { 'Fn::Join': ['', [arn, '/objects/*']] },
        Condition: {
          ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [dataId, 'Arn'] } },
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        },
      },
    ]);
  });

  it('are private, expire, and are retained when the stack is deleted', () => {
    expect(logs).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: {
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      },
    });
    expect(logs?.Properties.LifecycleConfiguration.Rules[0]).toEqual({
      Id: 'logs',
      ExpirationInDays: 90,
      Status: 'Enabled',
    });
  });

  it('cannot be read, written or deleted by any role of the stack', () => {
    expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain(logsId);
  });
});
