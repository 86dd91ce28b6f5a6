import { Stack, Validations } from 'aws-cdk-lib';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/**
 * Answers one finding of cdk-nag on one construct. The reason is read by whoever reviews the stack: it names a fact that
 * can be looked up and disputed.
 */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  Validations.of(construct).acknowledge({ id, reason });
}

/** Answers the finding that one resource of a policy has a wildcard in it; other wildcards of the policy stay findings. */
export function acknowledgeWildcard(policy: IConstruct, resource: string, reason: string): void {
  acknowledge(policy, `AwsSolutions-IAM5[Resource::${flat(Stack.of(policy).resolve(resource))}]`, reason);
}

/** The policy that collects what a role is granted. */
export function defaultPolicyOf(role: IRole): IConstruct {
  return role.node.findChild('DefaultPolicy');
}

/** A resource as cdk-nag writes it into the ids of its findings (`flatten-cfn-reference`). */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, ...rest } = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]]; 'Fn::GetAtt'?: string[] };
  if (Ref !== undefined) return `<${Ref}>`;
  if (rest['Fn::GetAtt']) return `<${rest['Fn::GetAtt'].join('.')}>`;
  const [delimiter, parts] = rest['Fn::Join'] ?? ['', []];
  return parts.map(flat).join(delimiter);
}
