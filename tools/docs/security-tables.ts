/** The tables of `docs/security-permissions.md`, from the IAM policies of the template. */
import { Template } from 'aws-cdk-lib/assertions';
import { App, CfnElement, type Stack } from 'aws-cdk-lib/core';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type GeneratedBlocks, markdownTable } from './markdown.ts';

const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  alarmEmail: 'data-team@example.com',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
};
const ALL_OPTIONS = { encryption: 'customer-key', network: { fixedEgressIp: true } };

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Names in the tables, by construct path. */
const NAMES: Readonly<Record<string, string>> = {
  'Storage/Bucket': 'bucket',
  'ApiKey/Secret': 'API key',
  'DataKey/Key': 'KMS key',
  'Undelivered/Starts': 'dead-letter queue of starts',
  'Undelivered/Retention': 'dead-letter queue of retention',
  'Undelivered/Freshness': 'dead-letter queue of the freshness check',
  'Undelivered/Notifications': 'dead-letter queue of notifications',
  'Failures/Topic': 'failure topic',
  'Workflow/StateMachine': 'state machine',
  'TimedOutRuns/StateMachine': 'state machine for timed-out runs',
  'People/Analysts': 'analysts',
  'People/Operators': 'operators',
};

/** The blocks of `docs/security-permissions.md`. */
export function securityBlocks(): GeneratedBlocks {
  const [small, large] = [stackOf({}), stackOf(ALL_OPTIONS)];
  const [byDefault, all] = [permissionsOf(small), permissionsOf(large)];
  const known = new Set(byDefault.map((row) => row.join()));
  const table = (who: string, rows: readonly (readonly string[])[]) =>
    markdownTable([who, 'actions', 'resources'], rows);
  return {
    default: table('role', byDefault),
    options: table(
      'role',
      all.filter((row) => !known.has(row.join())),
    ),
    people: table('policy', permissionsOf(large, 'AWS::IAM::ManagedPolicy')),
  };
}

function stackOf(config: object): Stack {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  return new AccountExportStack(app, 'AccountExport', { config: parseStackConfig({ ...CONFIG, ...config }) });
}

/** One row per policy statement: role, actions, resources. */
function permissionsOf(stack: Stack, type = 'AWS::IAM::Policy'): string[][] {
  const name = namesIn(stack);
  const rows = Object.entries(Template.fromStack(stack).findResources(type)).flatMap(([id, { Properties }]) => {
    const roles = (Properties.Roles ?? [{ Ref: id }]) as { Ref: string }[];
    const [role = ''] = roles.map(({ Ref }) => name(Ref).replace(/\/Role$|^People\//, ''));
    return (Properties.PolicyDocument.Statement as Statement[]).map(({ Effect, Action, Resource, Condition }) => {
      const actions = [Action].flat().map((action) => `\`${action}\``);
      const resources = [Resource].flat().map((resource) => placeOf(resource, name));
      const viaService = JSON.stringify(Condition?.StringEquals?.['kms:ViaService'] ?? '');
      const services = [...viaService.matchAll(/\w+(?=\.")/g)].map(([service]) => service);
      const denied = Effect === 'Deny' ? '**denied** to the function code: ' : '';
      const through = services.length > 0 ? `, through ${services.join(' and ')}` : '';
      return [role, `${denied}${actions.join(', ')}`, `${shortened(resources).join(', ')}${through}`];
    });
  });
  return rows.sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

/** Maps a logical id to the name or the construct path of its resource. */
function namesIn(stack: Stack): (logicalId: string) => string {
  const paths = stack.node
    .findAll()
    .filter((construct) => CfnElement.isCfnElement(construct))
    .map((element) => [
      String(stack.resolve(element.logicalId)),
      element.node.path.replace('AccountExport/', '').replace(/\/Resource$/, ''),
    ]);
  const byId = new Map(paths as [string, string][]);
  return (logicalId) => {
    const path = byId.get(logicalId) ?? logicalId;
    return NAMES[path] ?? path.replace(/\/(Function|Logs)$/, (_all, kind: string) => (kind === 'Logs' ? ' (log)' : ''));
  };
}

function placeOf(resource: unknown, name: (logicalId: string) => string): string {
  if (typeof resource === 'string') return resource === '*' ? '`*`' : resource;
  const { Ref, ...rest } = resource as { Ref?: string; 'Fn::GetAtt'?: [string]; 'Fn::Join'?: [string, unknown[]] };
  if (Ref !== undefined) return Ref.startsWith('AWS::') ? '' : name(Ref);
  if (rest['Fn::GetAtt']) return name(rest['Fn::GetAtt'][0]);
  const parts = rest['Fn::Join']?.[1] ?? [];
  return parts
    .map((part) => placeOf(part, name))
    .join('')
    .replace(/^arn::(\w+):+/, '')
    .replace(/^execution:/, 'executions of ');
}

/** Writes `bucket/work/*` as `work/`, and names the tables of the database only once. */
function shortened(resources: readonly string[]): string[] {
  const short = resources.map((resource) =>
    resource.startsWith('table/') ? 'its tables' : resource.replace(/^bucket\/(.*?)\*?$/, '`$1`'),
  );
  return [...new Set(short)];
}
