import type { IRole } from 'aws-cdk-lib/aws-iam';
import { Stack, Validations } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/** Suppresses one cdk-nag finding on one construct. The reason is for security reviewers: a fact that they can check. */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** Suppresses the wildcard finding for one resource of a policy; other wildcards in the policy remain findings. */
export function acknowledgeWildcard(policy: IConstruct, resource: string, reason: string): void {
  acknowledge(policy, `AwsSolutions-IAM5[Resource::${flat(Stack.of(policy).resolve(resource))}]`, reason);
}

/** The policy that CDK adds a role's grants to. */
export function defaultPolicyOf(role: IRole): IConstruct {
  return role.node.findChild('DefaultPolicy');
}

/** A resource as cdk-nag writes it in finding ids (`flatten-cfn-reference`). */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, ...rest } = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]]; 'Fn::GetAtt'?: string[] };
  if (Ref !== undefined) return `<${Ref}>`;
  if (rest['Fn::GetAtt']) return `<${rest['Fn::GetAtt'].join('.')}>`;
  const [delimiter, parts] = rest['Fn::Join'] ?? ['', []];
  return parts.map(flat).join(delimiter);
}
