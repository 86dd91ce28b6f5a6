/** What deployments do to a stack: the first one, an update during a run, and its deletion. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesizedStack } from '../support/synthesized.ts';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];
const { template } = configuredStack('the default');

describe.each(NAMES)('with %s', (name) => {
  const json = configuredStack(name).template.toJSON();

  it('a failed first deployment leaves nothing', () => {
    const resources = Object.entries(json.Resources as Record<string, { DeletionPolicy?: string }>);
    expect(resources.filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain').map(([id]) => id)).toEqual([]);
  });

  it('every output is ASCII, because CloudFormation returns "?" for other characters', () => {
    const outputs = JSON.stringify(json.Outputs);
    expect(outputs).toContain('PutKeyCommand');
    expect(outputs).toMatch(/^[ -~]*$/);
  });
});

describe('a deployment during a run', () => {
  const versions = template.findResources('AWS::Lambda::Version');

  it('does not change the code of the run: the state machine calls versions', () => {
    const [stateMachine] = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
    const references = JSON.stringify(stateMachine?.Properties.DefinitionString);
    const called = Object.keys(versions).filter((id) => references.includes(`{"Ref":"${id}"}`));
    expect(called.map((id) => id.replace(/FunctionCurrentVersion.*/, '')).sort()).toEqual([
      'ExportPage',
      'PlanExport',
      'PublishRun',
      'ReportFailure',
    ]);
    expect(references).not.toMatch(/"Fn::GetAtt":\["\w+Function[0-9A-F]{8}","Arn"\]/);
  });

  it('keeps the versions that the run calls', () => {
    expect(Object.keys(versions)).toHaveLength(4);
    for (const { DeletionPolicy, UpdateReplacePolicy } of Object.values(versions))
      expect({ DeletionPolicy, UpdateReplacePolicy }).toEqual({
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
  });
});

describe('a one-time schedule', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  const parse = (schedule: string, timeZone?: string) =>
    parseStackConfig(
      { ...CONFIG, exports: [{ name: 'once', datasetId: 'engage', schedule, ...(timeZone ? { timeZone } : {}) }] },
      { now },
    );

  it.each([
    ['at(2026-11-26T12:00:01)', undefined],
    ['at(2026-11-26T13:00:01)', 'Europe/Berlin'],
    ['at(2026-11-26T07:00:01)', 'America/New_York'],
    ['cron(0 6 * * ? 2020-2030)', undefined],
  ])('%s in %s is accepted', (schedule, timeZone) => {
    expect(() => parse(schedule, timeZone)).not.toThrow();
  });

  it.each([
    ['at(2026-11-26T12:00:00)', undefined],
    ['at(2026-11-26T13:00:00)', 'Europe/Berlin'],
    ['at(2020-01-01T00:00:00)', undefined],
  ])('%s in %s is refused, because it is past', (schedule, timeZone) => {
    expect(() => parse(schedule, timeZone)).toThrow(
      `exports[0].schedule must be in the future: choose a later time, or remove the schedule (got "${schedule}")`,
    );
  });

  it('is refused once if it is invalid', () => {
    expect(() => parse('at(tomorrow)')).toThrow(/exports\[0\]\.schedule must be an expression such as rate/);
    expect(() => parse('at(2020-01-01T00:00:00)', 'Mars/Base')).toThrow(/timeZone must be a name/);
  });

  it('is not compared with an unknown time', () => {
    const exports = [{ name: 'once', datasetId: 'engage', schedule: 'at(2020-01-01T00:00:00)' }];
    expect(() => parseStackConfig({ ...CONFIG, exports })).not.toThrow();
  });
});

it('protects the stack from deletion, unless the configuration says otherwise', () => {
  expect(synthesizedStack().stack.terminationProtection).toBe(true);
  expect(synthesizedStack({ terminationProtection: false }).stack.terminationProtection).toBe(false);
});

it('sends no telemetry of the CDK command line', () => {
  const { context, versionReporting } = JSON.parse(readFileSync('cdk.json', 'utf8'));
  expect({ telemetry: context['cli-telemetry'], versionReporting }).toEqual({
    telemetry: false,
    versionReporting: false,
  });
});
