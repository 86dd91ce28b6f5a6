/**
 * Changes to the synthesized template that the emulator needs. Each one is printed and says whether AWS needs it too, which
 * would be a defect of the stack.
 */

import { createHash } from 'node:crypto';

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
}
export interface Template {
  Resources: Record<string, Resource>;
  Outputs: Record<string, unknown>;
}
export interface Change {
  /** Logical ids. */
  readonly resources: readonly string[];
  readonly what: string;
  readonly why: string;
  /** Whether AWS would need it too. */
  readonly onAws: string;
}

interface LeftOut {
  readonly type: string;
  /** @default all of the type */
  readonly only?: (properties: Record<string, unknown>) => boolean;
  readonly what: string;
  readonly why: string;
  readonly onAws: string;
}

const LEFT_OUT: readonly LeftOut[] = [
  {
    type: 'AWS::Athena::NamedQuery',
    what: "removed: saved queries for analysts, created through Athena's API instead",
    why: "the emulator's CloudFormation lacks the type",
    onAws: 'not needed: CloudFormation has the type',
  },
  {
    type: 'AWS::Logs::QueryDefinition',
    what: 'removed: saved queries for operators, which no run uses',
    why: "the emulator's CloudFormation and CloudWatch Logs lack them",
    onAws: 'not needed: CloudFormation has the type',
  },
  {
    type: 'AWS::CloudWatch::Alarm',
    only: ({ Metrics }) => Metrics !== undefined,
    what: 'removed: alarms on metric expressions; alarms on one metric are deployed',
    why: "the emulator's CloudFormation rejects expressions, and its API ignores them",
    onAws: 'not needed: CloudFormation accepts expressions',
  },
];

/** Changes the template in place. @param apiUrl of the simulator */
export function fitForEmulator(template: Template, stackName: string, apiUrl: string): Change[] {
  const { Resources } = template;
  const changes: Change[] = [];
  for (const { type, only = () => true, what, why, onAws } of LEFT_OUT) {
    const resources = Object.entries(Resources)
      .filter(([, { Type, Properties = {} }]) => Type === type && only(Properties))
      .map(([id]) => id);
    for (const id of resources) delete Resources[id];
    if (resources.length > 0) changes.push({ resources, what: `${type} ${what}`, why, onAws });
  }
  changes.push(...secretsByArn(template, stackName));
  const functions = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
  for (const [, { Properties = {} }] of functions) Properties.Runtime = 'provided.al2023';
  changes.push({
    resources: functions.map(([id]) => id),
    what: 'Runtime nodejs24.x is provided.al2023, with the file "bootstrap" next to the bundle',
    why: "the emulator's Node runtime gives every error the same name; the Runtime API keeps names",
    onAws: "not needed: Lambda's Node runtime reports error names",
  });
  const callers = functions.filter(([, { Properties }]) => variablesOf(Properties).API_URL !== undefined);
  for (const [, { Properties }] of callers) variablesOf(Properties).API_URL = apiUrl;
  changes.push({
    resources: callers.map(([id]) => id),
    what: `API_URL is ${apiUrl}`,
    why: 'the tenant is simulated',
    onAws: 'not needed: the host is always <accountName>.<instance>.evergage.com',
  });
  return changes;
}

/**
 * In CloudFormation, `Ref` of a secret is its ARN, and its name is the logical id and twelve characters. In the emulator, `Ref` is
 * the name, in another form, which CDK's conversion from ARN to name does not support.
 */
function secretsByArn(template: Template, stackName: string): Change[] {
  const suffix = createHash('sha256').update(stackName).digest('hex').slice(0, 12);
  const resources = template.Resources;
  const ids = Object.keys(resources).filter((id) => resources[id]?.Type === 'AWS::SecretsManager::Secret');
  for (const id of ids) {
    const { Properties = {} } = resources[id] ?? {};
    Properties.Name = `${id}-${suffix}`;
  }
  const byArn = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(byArn);
    if (value === null || typeof value !== 'object') return value;
    const { Ref } = value as { Ref?: unknown };
    if (typeof Ref === 'string' && ids.includes(Ref)) return { 'Fn::GetAtt': [Ref, 'Id'] };
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, byArn(inner)]));
  };
  for (const resource of Object.values(resources)) {
    if (resource.Properties) resource.Properties = byArn(resource.Properties) as Record<string, unknown>;
  }
  template.Outputs = byArn(template.Outputs) as Record<string, unknown>;
  if (ids.length === 0) return [];
  return [
    {
      resources: ids,
      what: 'Ref of a secret is Fn::GetAtt of its Id, and its name has the form of CloudFormation',
      why: 'in the emulator, Ref is the name, in another form',
      onAws: 'not needed: both are the ARN',
    },
  ];
}

function variablesOf(properties: Record<string, unknown> = {}): Record<string, unknown> {
  const environment = properties.Environment as { Variables?: Record<string, unknown> } | undefined;
  return environment?.Variables ?? {};
}
