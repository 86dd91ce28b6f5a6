/** `docs/security.md` says what the template says, and its procedures do what they promise. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { NIST_ANSWERS } from '../../infra/nist-answers.ts';
import { nistFindings, securityBlocks } from '../../infra/security-tables.ts';
import { withMadeBlocks } from '../../tools/docs/made-blocks.ts';
import { page, tableBelow } from '../docs/page.ts';
import { configuredStack } from './configured-stack.ts';

const PAGE = page('security');

interface Document {
  readonly Statement: readonly { readonly Action: string | readonly string[]; readonly Principal?: unknown }[];
}

function actionsOf({ Statement }: Document, of: (principal: unknown) => boolean = () => true): string[] {
  return Statement.filter(({ Principal }) => of(Principal)).flatMap(({ Action }) => Action);
}

it('has the tables of rights and rules as the template is now: npm run docs makes them so', () => {
  expect(withMadeBlocks(PAGE.text, securityBlocks())).toBe(PAGE.text);
});

it('tells the rights of the helpers of CDK, which no table has', () => {
  const { template } = configuredStack('all of it');
  const inRoles = Object.values(template.findResources('AWS::IAM::Role')).flatMap(({ Properties }) => [
    ...(Properties.Policies ?? []).flatMap(({ PolicyDocument }: { PolicyDocument: Document }) =>
      actionsOf(PolicyDocument),
    ),
    ...(Properties.ManagedPolicyArns ?? []).map((arn: object) => /\w+$/.exec(Object.values(arn).join())?.[0]),
  ]);
  const onBuckets = Object.values(template.findResources('AWS::S3::BucketPolicy')).flatMap(({ Properties }) =>
    actionsOf(Properties.PolicyDocument, (principal) => /Fn::GetAtt.*Role/.test(JSON.stringify(principal))),
  );
  const rights = [...new Set([...inRoles, ...onBuckets])];
  expect(rights).toHaveLength(9);
  expect(rights.filter((right) => !PAGE.codes.includes(right))).toEqual([]);
});

it('answers each rule of NIST that is not met, and no other', () => {
  expect(Object.keys(NIST_ANSWERS).sort()).toEqual(nistFindings());
  for (const answer of Object.values(NIST_ANSWERS)) expect(answer.length).toBeGreaterThan(60);
});

it('lets who asks questions use the key as Athena does, and nothing of it beyond', () => {
  const [policy] = PAGE.examples.filter(({ kind }) => kind === 'policy').map(({ text }) => JSON.parse(text));
  const statements = policy.Statement as { Action: string | string[]; Resource: string | string[] }[];
  const on = (resource: string) =>
    statements
      .filter(({ Resource }) => [Resource].flat().some((one) => one.includes(resource)))
      .flatMap(({ Action }) => Action);
  expect(on('KEY_ARN')).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
  expect(on('BUCKET/accounts_')).toEqual(['s3:GetObject']);
  expect(on('athena-results')).toContain('s3:PutObject');
  expect(JSON.stringify(policy)).not.toContain('work/');
  expect(Object.keys(configuredStack('a key of the customer').template.findOutputs('KeyArn'))).toEqual(['KeyArn']);
});

it('reckons the fixed address right', () => {
  const rows = tableBelow(PAGE, '## Network').map(([, usd = '']) => Number.parseFloat(usd.replaceAll('*', '')));
  const [gateway = 0, address = 0, run = 0, endpoint, sum] = rows;
  expect(gateway).toBe(32.85);
  expect(address).toBe(3.65);
  expect(endpoint).toBe(0);
  // 0.4 GB at 0.045 USD, 30 times.
  expect(run).toBeCloseTo(0.018, 2);
  expect(sum).toBeCloseTo(gateway + address + 30 * 0.018, 2);
});

it('erases one account from a part, and leaves every other byte', () => {
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

it('has lines of at most 120 characters, tables and examples aside', () => {
  const long = PAGE.text.split('\n').filter((line) => line.length > 120 && !line.startsWith('|'));
  expect(long).toEqual([]);
});
