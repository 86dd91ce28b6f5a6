/** The names of one deployment, derived from the place of its construct in the app. */
import { Names, Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { MAX_STACK_NAME, STACK_NAME } from '../functions/model/stack-name.ts';

export interface Deployment {
  /**
   * What commands take as `--stack`, and metrics as their dimension: the name of the stack, followed by the id of the
   * construct unless that is `Default`, such as `Data/Accounts`.
   */
  readonly reference: string;
  /** The start of physical names, of up to 40 characters: `Data-Accounts`, or with a hash if that is too long. */
  readonly name: string;
  /** The start of the stack's output keys: `Accounts`, or nothing. */
  readonly outputPrefix: string;
}

export function deploymentOf(construct: Construct): Deployment {
  const { stackName, node } = Stack.of(construct);
  const unique = Names.uniqueResourceName(construct, {
    maxLength: MAX_STACK_NAME,
    separator: '-',
    allowedSpecialCharacters: '-',
    // In lower case, so that the name of the database does not split it.
  }).replace(/[0-9A-F]{8}$/, (hash) => hash.toLowerCase());
  // A nested stack has no name before it is deployed, and its outputs are not those of a stack that commands can find.
  if (Token.isUnresolved(stackName)) return { reference: unique, name: unique, outputPrefix: '' };
  const ids = construct.node.scopes.slice(node.scopes.length).map((scope) => scope.node.id);
  const path = [stackName, ...ids.filter((id) => id !== 'Default')];
  const readable = path.join('-');
  return {
    reference: path.join('/'),
    name: STACK_NAME.test(readable) ? readable : unique,
    outputPrefix: path
      .slice(1)
      .join('')
      .replaceAll(/[^A-Za-z0-9]/g, ''),
  };
}
