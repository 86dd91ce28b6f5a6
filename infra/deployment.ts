/** The names of one deployment, derived from the place of its construct in the app. */
import { Names, Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { MAX_STACK_NAME } from '../functions/model/stack-name.ts';

export interface Deployment {
  /**
   * What commands take as `--stack`, and metrics as their dimension: the name of the stack, followed by the id of the
   * construct unless that is `Default`, such as `Data/Accounts`.
   */
  readonly reference: string;
  /** The start of physical names, of up to 40 characters: `Data-Accounts`. Two deployments never share it. */
  readonly name: string;
  /** The start of the stack's output keys: `Accounts`, or nothing. */
  readonly outputPrefix: string;
}

export function deploymentOf(construct: Construct): Deployment {
  const { stackName } = Stack.of(construct);
  const name = Names.uniqueResourceName(construct, {
    maxLength: MAX_STACK_NAME,
    separator: '-',
    allowedSpecialCharacters: '-',
  });
  // A nested stack has no name before it is deployed, and its outputs are not those of a stack that commands can find.
  if (Token.isUnresolved(stackName)) return { reference: name, name, outputPrefix: '' };
  const path = construct.node.scopes.slice(Stack.of(construct).node.scopes.length).map(({ node }) => node.id);
  const ids = path.filter((id) => id !== 'Default');
  return {
    reference: [stackName, ...ids].join('/'),
    name,
    outputPrefix: ids.join('').replaceAll(/[^A-Za-z0-9]/g, ''),
  };
}
