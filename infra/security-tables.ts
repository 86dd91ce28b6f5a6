/** The tables of `docs/security.md`, made from the template and from what cdk-nag finds in it. `npm run docs` writes them. */
import { App, CfnElement, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { type IApplyRule, NagRuleCompliance, NIST80053R5Checks } from 'cdk-nag';
import { type MadeBlocks, markdownTable } from '../tools/docs/made-blocks.ts';
import { AccountExportStack } from './account-export-stack.ts';
import { NIST_ANSWERS } from './nist-answers.ts';
import { parseStackConfig } from './stack-config.ts';

const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  alarmEmail: 'data-team@example.com',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
};
/** The two ends of what can be configured: nothing of it, and all. */
const STACKS = { default: {}, full: { encryption: 'customer-key', network: { fixedEgressIp: true } } };

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What things of the stack are called in the tables, by their place in it. */
const CALLED: Readonly<Record<string, string>> = {
  'Storage/Bucket': 'bucket',
  'ApiKey/Secret': 'API key',
  'DataKey/Key': 'key of KMS',
  'Undelivered/Queue': 'queue',
  'Failures/Topic': 'topic',
  'Workflow/StateMachine': 'state machine',
};

/** The blocks of `docs/security.md`. */
export function securityBlocks(): MadeBlocks {
  const [plain, full] = [stackOf(STACKS.default), stackOf(STACKS.full)];
  return { rights: rightsTable(plain), 'more-rights': rightsTable(full, plain), nist: nistTable(plain, full) };
}

function stackOf(config: object): Stack {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  return new AccountExportStack(app, 'AccountExport', { config: parseStackConfig({ ...CONFIG, ...config }) });
}

/** Who may do what on what; of a stack that adds to another one, what it adds. */
function rightsTable(stack: Stack, without?: Stack): string {
  const known = new Set(without ? rightsOf(without).map((row) => row.join()) : []);
  const rows = rightsOf(stack).filter((row) => !known.has(row.join()));
  return markdownTable(
    ['who', 'may', 'on'],
    rows.map(([who = '', actions = '', resources = '']) => [who, actions, resources]),
  );
}

function rightsOf(stack: Stack): string[][] {
  const name = namesIn(stack);
  const rows = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')).flatMap(({ Properties }) => {
    const [who = ''] = (Properties.Roles as { Ref: string }[]).map(({ Ref }) => name(Ref).replace(/\/Role$/, ''));
    return (Properties.PolicyDocument.Statement as Statement[]).map(({ Effect, Action, Resource, Condition }) => {
      const actions = [Action].flat().map((action) => `\`${action}\``);
      const resources = [Resource].flat().map((resource) => placeOf(resource, name));
      const through = JSON.stringify(Condition?.StringEquals?.['kms:ViaService'] ?? '').match(/\w+(?=\.")/)?.[0];
      // The only denial there is says what the code may not, where Lambda may in its name.
      const may = Effect === 'Deny' ? `its own code: none of ${actions.join(', ')}` : actions.join(', ');
      return [who, may, `${shortened(resources).join(', ')}${through ? `, through ${through}` : ''}`];
    });
  });
  return rows.sort((a, b) => (a.join() < b.join() ? -1 : 1));
}

/** Where a logical id stands in the stack, in words where there are some. */
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
    return (
      CALLED[path] ?? path.replace(/\/(Function|Logs)$/, (_all, kind: string) => (kind === 'Logs' ? ' (log)' : ''))
    );
  };
}

function placeOf(resource: unknown, name: (logicalId: string) => string): string {
  if (typeof resource === 'string') return resource === '*' ? 'all' : resource;
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

/** All tables of the database in one word; `bucket/work/*` as `work/`. */
function shortened(resources: readonly string[]): string[] {
  const short = resources.map((resource) =>
    resource.startsWith('table/') ? 'its tables' : resource.replace(/^bucket\/(.*)\*$/, '`$1`'),
  );
  return [...new Set(short)];
}

/** What every rule of the pack says of a stack: `true` where it is met; rules that nothing of the stack concerns are left out. */
class Nist extends NIST80053R5Checks {
  readonly met = new Map<string, boolean>();

  protected override applyRule(params: IApplyRule): void {
    const rule = params.ruleSuffixOverride ?? params.rule.name;
    const result = params.rule(params.node);
    if (result === NagRuleCompliance.NOT_APPLICABLE) return;
    this.met.set(rule, (this.met.get(rule) ?? true) && result === NagRuleCompliance.COMPLIANT);
  }
}

export function nistRules(stack: Stack): ReadonlyMap<string, boolean> {
  const pack = new Nist();
  pack.validateScope(stack);
  return pack.met;
}

/** The rules that are not met, of either stack. */
export function nistFindings(): string[] {
  const found = Object.values(STACKS).flatMap((config) => [...nistRules(stackOf(config))]);
  return [...new Set(found.filter(([, met]) => !met).map(([rule]) => rule))].sort();
}

function nistTable(plain: Stack, full: Stack): string {
  const [byDefault, withAll] = [nistRules(plain), nistRules(full)];
  const rules = [...new Set([...byDefault.keys(), ...withAll.keys()])].sort();
  const said = (met: boolean | undefined) => (met === undefined ? '–' : met ? 'met' : 'answered');
  return markdownTable(
    ['rule', 'default', 'with both options', 'answer'],
    rules.map((rule) => [rule, said(byDefault.get(rule)), said(withAll.get(rule)), NIST_ANSWERS[rule] ?? '']),
  );
}
