import { RemovalPolicy } from 'aws-cdk-lib/core';

/**
 * The removal policy of resources that hold data. By default, they are kept when they leave the stack. If the deployment
 * that creates them fails, CloudFormation deletes them, because they are still empty.
 *
 * @param deletable whether it is deleted with the stack
 */
export function kept(deletable: boolean): RemovalPolicy {
  return deletable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
}
