import { describe, expect, it } from 'vitest';
import { configuredStack } from './configured-stack.ts';

const { template } = configuredStack('the default');
const buckets = Object.entries(template.findResources('AWS::S3::Bucket'));
const [logsId = '', logs] = buckets.find(([id]) => id.startsWith('AccessLogs')) ?? [];
const [dataId = '', data] = buckets.find(([id]) => id.startsWith('Storage')) ?? [];

describe('who read and wrote what', () => {
  it('is written by S3 into a bucket of its own, from the bucket of the data alone', () => {
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

  it('is private, expires with the logs, and stays when the stack goes', () => {
    expect(logs).toMatchObject({
      DeletionPolicy: 'Retain',
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

  it('can be read, written and removed by no role of the stack', () => {
    expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain(logsId);
  });
});
