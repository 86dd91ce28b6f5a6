/** Names of deployed stacks: CloudFormation's rules, and the names that other services derive from a stack's name. */

/** The stack of the command line and of the configuration when no name is given. */
export const DEFAULT_STACK_NAME = 'AccountExport';

/** What emails call the product: with the name of the stack, unless it is the default one. */
export function titleOf(stackName: string): string {
  return stackName === DEFAULT_STACK_NAME ? 'Account Export' : `Account Export - ${stackName}`;
}

/** CloudFormation allows 128 characters. Here at most 40, so that every name derived from it fits its service. */
export const MAX_STACK_NAME = 40;

export const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;

/** The Glue database and Athena workgroup of a stack: `AccountExport-acme` becomes `account_export_acme`. */
export function databaseNameOf(stackName: string): string {
  return stackName
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .replaceAll('-', '_')
    .toLowerCase();
}
