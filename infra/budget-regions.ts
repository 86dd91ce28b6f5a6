/** Where CloudFormation has no `AWS::Budgets::Budget` and rejects a whole template that contains one. */

/**
 * Source: CloudFormation's resource schemas per region, as in cfn-lint 1.58.0, read on 2026-11-26. `npm run lint:templates`
 * checks a template with a budget in every other region, and reports a region that this list no longer fits.
 */
export const REGIONS_WITHOUT_BUDGETS: ReadonlySet<string> = new Set([
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-northeast-3',
  'ap-south-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-west-1',
  'eu-central-2',
  'eu-north-1',
  'eu-south-1',
  'eu-south-2',
  'il-central-1',
  'me-central-1',
  'mx-central-1',
  'us-gov-east-1',
  'us-gov-west-1',
]);
