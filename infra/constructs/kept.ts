import { RemovalPolicy } from 'aws-cdk-lib/core';

/**
 * The removal policy of what holds data. By default it is kept when it leaves the stack, except when the deployment that
 * created it fails: then it holds nothing, and would be in the way of the next attempt.
 *
 * @param deletable whether it is deleted with the stack
 */
export function kept(deletable: boolean): RemovalPolicy {
  return deletable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
}
