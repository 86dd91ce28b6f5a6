/** `docs/security.md` states what the template has, and its procedures work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { securityBlocks } from '../../tools/docs/security-tables.ts';
import { page } from '../docs/page.ts';
import { configuredStack } from './configured-stack.ts';

const PAGE = page('security');
const PERMISSIONS = page('security-permissions');

interface Document {
  readonly Statement: readonly { readonly Action: string | readonly string[]; readonly Principal?: unknown }[];
}

function actionsOf({ Statement }: Document, of: (principal: unknown) => boolean = () => true): string[] {
  return Statement.filter(({ Principal }) => of(Principal)).flatMap(({ Action }) => Action);
}

it('lists the permissions of the current template (npm run docs updates them)', () => {
  expect(fillBlocks(PERMISSIONS.text, securityBlocks())).toBe(PERMISSIONS.text);
});

it('names the permissions of the custom resources of CDK, which are in no table', () => {
  const { template } = configuredStack('all options');
  const inRoles = Object.values(template.findResources('AWS::IAM::Role')).flatMap(({ Properties }) => [
    ...(Properties.Policies ?? []).flatMap(({ PolicyDocument }: { PolicyDocument: Document }) =>
      actionsOf(PolicyDocument),
    ),
    ...(Properties.ManagedPolicyArns ?? []).map((arn: object) => /\w+$/.exec(Object.values(arn).join())?.[0]),
  ]);
  const onBuckets = Object.values(template.findResources('AWS::S3::BucketPolicy')).flatMap(({ Properties }) =>
    actionsOf(Properties.PolicyDocument, (principal) => /Fn::GetAtt.*Role/.test(JSON.stringify(principal))),
  );
  const permissions = [...new Set([...inRoles, ...onBuckets])];
  expect(permissions).toHaveLength(9);
  expect(permissions.filter((permission) => !PERMISSIONS.codes.includes(permission))).toEqual([]);
});

it('names the policies and roles of the template', () => {
  const { template } = configuredStack('the default');
  const outputs = Object.keys(template.findOutputs('*'));
  for (const output of ['AnalystPolicyArn', 'OperatorPolicyArn', 'Workgroup']) {
    expect(outputs).toContain(output);
    expect(PAGE.codes.join()).toContain(output);
  }
  const roles = Object.keys(template.findResources('AWS::IAM::Role')).map((id) => id.replace(/[0-9A-F]{8}$/, ''));
  const named = PAGE.codes.filter((code) => /^\w+Role$/.test(code) && code !== 'CatalogEncryptionServiceRole');
  expect([...new Set(named)]).toEqual(['PlanExportRole', 'PublishRunRole', 'ExpireRunsRole', 'WatchExportsRole']);
  expect(roles).toEqual(expect.arrayContaining(named));
});

it('erases one account from a part and changes no other byte', () => {
  const [script = ''] = PAGE.examples.filter(({ kind }) => kind === 'erase').map(({ text }) => text);
  const lines = [
    '{"name":"Acme","totalActions":1234567890123456789}',
    '{"name":"Acme Corp","totalActions":2}',
    '{"name":"Zeta\u2028","engagementScore":0.10,"attributes":{"x":"Acme Corp"}}',
    '{"totalActions":3}',
  ];
  const folder = mkdtempSync(join(tmpdir(), 'account-export-erase-'));
  try {
    writeFileSync(join(folder, 'part.json.gz'), gzipSync(`${lines.join('\n')}\n`));
    execFileSync('bash', ['-c', `set -o pipefail\n${script}`], { cwd: folder });
    const erased = gunzipSync(readFileSync(join(folder, 'erased.json.gz'))).toString();
    expect(erased).toBe(`${[lines[0], lines[2], lines[3]].join('\n')}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('lists the services that the role of CloudFormation needs', () => {
  const types = ['all options', 'the default'] as const;
  const services = types.flatMap((name) =>
    Object.values(configuredStack(name).template.toJSON().Resources as Record<string, { Type: string }>)
      .map(({ Type }) => /^AWS::(\w+)::/.exec(Type)?.[1])
      .filter((service) => service !== undefined),
  );
  const [, section = ''] = page('operations').text.split('### Permissions for deploying');
  const [listed = ''] = section.split('\n### ');
  const missing = [...new Set(services)].filter((service) => !listed.includes(`\`${service}\``));
  expect(missing).toEqual([]);
});
