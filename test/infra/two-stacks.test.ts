/** Two stacks for two tenants in one account and region have no name in common, and no metric. */
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';

const SCHEDULED = { exports: [{ name: 'daily', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }] };
const [first, second] = ['AccountExport', 'AccountExport-acme'].map((stackName) =>
  synthesized({ ...SCHEDULED, stackName }),
) as [Template, Template];

/** Properties that name something inside a resource with a name, or a metric, which has dimensions. */
const NOT_PHYSICAL = [
  'AWS::IAM::Policy PolicyName',
  'AWS::Athena::NamedQuery Name',
  'AWS::CloudWatch::Alarm MetricName',
  'AWS::SNS::Topic DisplayName',
];

/** The names that the template gives to resources, as `type property: name`. Other names come from CloudFormation. */
function physicalNames(template: Template): string[] {
  const resources = Object.values(template.toJSON().Resources) as { Type: string; Properties?: object }[];
  return resources.flatMap(({ Type, Properties = {} }) => {
    const { DatabaseInput } = Properties as { DatabaseInput?: object };
    return Object.entries({ ...Properties, ...DatabaseInput })
      .filter(([key, value]) => /Name$/.test(key) && typeof value === 'string')
      .map(([key, value]) => `${Type} ${key}: ${value}`)
      .filter((name) => !NOT_PHYSICAL.some((known) => name.startsWith(`${known}:`)));
  });
}

describe('two stacks', () => {
  it('have no physical name in common', () => {
    const names = physicalNames(second);
    for (const type of ['Athena::WorkGroup', 'Glue::Database', 'Logs::LogGroup', 'Scheduler::ScheduleGroup'])
      expect(names.join()).toContain(`AWS::${type} `);
    expect(names.filter((name) => !/AccountExport-acme|account_export_acme/.test(name))).toEqual([]);
    expect(names.filter((name) => physicalNames(first).includes(name))).toEqual([]);
  });

  it('have costs of their own', () => {
    const tags = [first, second].map((template) =>
      Object.values(template.findResources('AWS::S3::Bucket')).map(({ Properties }) => Properties.Tags[0]),
    );
    expect(tags).toEqual(
      ['account-export', 'account-export-acme'].map((Value) => [
        { Key: 'application', Value },
        { Key: 'application', Value },
      ]),
    );
  });

  it('are named in the command that resumes a stopped run', () => {
    const commands = [first, second].map(
      (template) =>
        /resume <detail-name>.*? {2}/.exec(JSON.stringify(template.findResources('AWS::Events::Rule')))?.[0],
    );
    expect(commands).toEqual(['resume <detail-name>  ', 'resume <detail-name> --stack AccountExport-acme  ']);
  });

  it('are named in emails, unless the name is the default', () => {
    const titles = [first, second].map((template) => [
      ...Object.values(template.findResources('AWS::SNS::Topic')).map(({ Properties }) => Properties.DisplayName),
      ...new Set(JSON.stringify(template.toJSON()).match(/Account Export[^:"]*(?=: (a run failed|run <))/g)),
    ]);
    expect(titles).toEqual([
      ['Account Export', 'Account Export'],
      ['Account Export - AccountExport-acme', 'Account Export - AccountExport-acme'],
    ]);
  });

  it('export no value, and import none', () => {
    expect(JSON.stringify(second.toJSON())).not.toMatch(/Fn::ImportValue|"Export"/);
  });

  it('have metrics with the name of the stack', () => {
    const functions = Object.values(second.findResources('AWS::Lambda::Function'));
    expect(new Set(functions.map(({ Properties }) => Properties.Environment.Variables.STACK_NAME))).toEqual(
      new Set(['AccountExport-acme']),
    );
    const own = JSON.stringify(Object.values(second.findResources('AWS::CloudWatch::Alarm')));
    expect(own).not.toContain('{"Name":"stack","Value":"AccountExport"}');
    expect(own).toContain('{"Name":"stack","Value":"AccountExport-acme"}');
  });
});

describe('the name of a stack', () => {
  it.each([
    [undefined, 'AccountExport', 'account_export'],
    ['AccountExport-acme', 'AccountExport-acme', 'account_export_acme'],
    ['tenant2Prod', 'tenant2Prod', 'tenant2_prod'],
    ['CRM', 'CRM', 'crm'],
  ])('%s gives the database its name', (configured, stackName, databaseName) => {
    const named = configured === undefined ? {} : { stackName: configured };
    expect(parseStackConfig({ ...CONFIG, ...named })).toMatchObject({ stackName, databaseName });
  });

  it('leaves a configured database its name', () => {
    expect(parseStackConfig({ ...CONFIG, stackName: 'B', databaseName: 'accounts' }).databaseName).toBe('accounts');
  });

  it.each(['', '1st', 'under_score', 'a b', 'x'.repeat(41)])('cannot be %j', (stackName) => {
    expect(() => parseStackConfig({ ...CONFIG, stackName })).toThrow(
      'stackName must be up to 40 letters, digits and hyphens, starting with a letter',
    );
  });
});
