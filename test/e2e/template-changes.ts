/**
 * What of the synthesized stack the emulator cannot take as it is. Nothing else is changed, each change is printed, and each
 * says whether AWS would need it too: then it would be a defect of the stack.
 */

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
}
export interface Template {
  Resources: Record<string, Resource>;
  Outputs: Record<string, unknown>;
}
export interface Change {
  /** Ids in the template. */
  readonly resources: readonly string[];
  readonly what: string;
  readonly why: string;
  /** In a few words: whether AWS would need it too. */
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

/** What the emulator's CloudFormation does not take, and what is lost by leaving it out. */
const LEFT_OUT: readonly LeftOut[] = [
  {
    type: 'AWS::Athena::NamedQuery',
    what: "left out: queries saved for analysts, which are made through Athena's API instead",
    why: "the emulator's CloudFormation lacks the type",
    onAws: 'not needed: CloudFormation has the type',
  },
  {
    type: 'AWS::Logs::QueryDefinition',
    what: 'left out: queries saved for operators, which nothing of a run uses',
    why: "the emulator's CloudFormation lacks the type, and its API of logs lacks such queries",
    onAws: 'not needed: CloudFormation has the type',
  },
  {
    type: 'AWS::CloudWatch::Alarm',
    only: ({ Metrics }) => Metrics !== undefined,
    what: 'left out: alarms over an expression of metrics; those over one metric are deployed',
    why: "the emulator's CloudFormation refuses the expression, and its API drops it without a word",
    onAws: 'not needed: CloudFormation takes expressions',
  },
];

/** Changes the template in its place. @param apiUrl the simulated tenant's address */
export function fitForEmulator(template: Template, apiUrl: string): Change[] {
  const { Resources } = template;
  const changes: Change[] = [];
  for (const { type, only = () => true, what, why, onAws } of LEFT_OUT) {
    const resources = Object.entries(Resources)
      .filter(([, { Type, Properties = {} }]) => Type === type && only(Properties))
      .map(([id]) => id);
    for (const id of resources) delete Resources[id];
    if (resources.length > 0) changes.push({ resources, what: `${type} ${what}`, why, onAws });
  }
  changes.push(...secretsByArn(template));
  const functions = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::Lambda::Function');
  for (const [, { Properties = {} }] of functions) Properties.Runtime = 'provided.al2023';
  changes.push({
    resources: functions.map(([id]) => id),
    what: 'Runtime nodejs24.x is provided.al2023, and the file "bootstrap" lies beside the bundle',
    why: "the emulator's own Node runtime gives every error one name; over the Runtime API errors keep theirs",
    onAws: "not needed: Lambda's own Node runtime tells the names",
  });
  const callers = functions.filter(([, { Properties }]) => variablesOf(Properties).API_URL !== undefined);
  for (const [, { Properties }] of callers) variablesOf(Properties).API_URL = apiUrl;
  changes.push({
    resources: callers.map(([id]) => id),
    what: `API_URL is ${apiUrl}`,
    why: 'the tenant is simulated',
    onAws: 'not needed: there it can only be https://<accountName>.<instance>.evergage.com',
  });
  return changes;
}

/**
 * CloudFormation gives a secret's ARN for a `Ref`, and names a secret after its id in the template and twelve letters. The
 * emulator gives the name, and names it otherwise, which CDK's way from the ARN to the name does not expect.
 */
function secretsByArn(template: Template): Change[] {
  const resources = template.Resources;
  const ids = Object.keys(resources).filter((id) => resources[id]?.Type === 'AWS::SecretsManager::Secret');
  for (const id of ids) {
    const { Properties = {} } = resources[id] ?? {};
    Properties.Name = `${id}-AbCdEfGhIjKl`;
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
      what: 'Ref of a secret is Fn::GetAtt of its Id, and it has the name that CloudFormation would give it',
      why: 'in the emulator Ref is the name, and the name has another form',
      onAws: 'not needed: there both are the ARN',
    },
  ];
}

function variablesOf(properties: Record<string, unknown> = {}): Record<string, unknown> {
  const environment = properties.Environment as { Variables?: Record<string, unknown> } | undefined;
  return environment?.Variables ?? {};
}
