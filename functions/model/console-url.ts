/** Pages of the AWS console, in every partition. */

/** The console's domain in each partition. Source: AWS General Reference, "AWS Management Console endpoints". */
export const CONSOLE_DOMAINS = {
  aws: 'console.aws.amazon.com',
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
} as const;

/** The console of a region. Both values may be CloudFormation tokens. */
export interface RegionConsole {
  readonly region: string;
  /** One of `CONSOLE_DOMAINS`. */
  readonly domain: string;
}

/** The console of the region in an ARN; `undefined` for any other text, such as the id of a run on one machine. */
export function consoleOf(arn: string): RegionConsole | undefined {
  const [, partition = '', region = ''] = /^arn:(aws[a-z-]*):[a-z0-9-]+:([a-z0-9-]+):/.exec(arn) ?? [];
  const domain = (CONSOLE_DOMAINS as Readonly<Record<string, string>>)[partition];
  return domain === undefined ? undefined : { region, domain };
}

export function executionPage(console: RegionConsole, executionArn: string): string {
  return pageOf(console, 'states', `/v2/executions/details/${executionArn}`);
}

export function stateMachinePage(console: RegionConsole, stateMachineArn: string): string {
  return pageOf(console, 'states', `/statemachines/view/${stateMachineArn}`);
}

export function dashboardPage(console: RegionConsole, dashboardName: string): string {
  return pageOf(console, 'cloudwatch', `dashboards/dashboard/${dashboardName}`);
}

function pageOf({ region, domain }: RegionConsole, service: string, fragment: string): string {
  return `https://${region}.${domain}/${service}/home?region=${region}#${fragment}`;
}
