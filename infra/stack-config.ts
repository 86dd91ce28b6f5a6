/** What `cdk.json` configures under `accountExport`. */
import * as z from 'zod';
import { type ExportSettings, ExportSettingsSchema, parseOrThrow } from '../functions/model/export-settings.ts';
import { DNS_LABEL, DNS_LABEL_RULE } from '../functions/personalization/request-url.ts';
import { TagsSchema } from './stack-tags.ts';

const integer = (min: number, max: number) => {
  const error = `an integer from ${min} to ${max} is needed`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const NETWORK_SHAPES = '{"vpcId":"vpc-…","subnetIds":["subnet-…"]} or {"fixedEgressIp":true}';

const idOf = (kind: string) => {
  const error = `an id such as ${kind}-0123456789abcdef0 is needed`;
  return z.string({ error }).regex(new RegExp(`^${kind}-[0-9a-f]{8,17}$`), { error });
};

const idsOf = (kind: string, most: number) => {
  const error = `a list of one to ${most} ids such as ${kind}-0123456789abcdef0 is needed`;
  return z.array(idOf(kind), { error }).min(1, { error }).max(most, { error });
};

/** A function takes up to 16 subnets and 5 security groups: Lambda API reference, `VpcConfig`. */
const NetworkSchema = z
  .strictObject(
    {
      fixedEgressIp: z.literal(true, { error: 'true is needed: without a fixed address leave the key out' }).optional(),
      vpcId: idOf('vpc').optional(),
      subnetIds: idsOf('subnet', 16).optional(),
      securityGroupIds: idsOf('sg', 5).optional(),
    },
    { error: ({ code }) => (code === 'invalid_type' ? `${NETWORK_SHAPES} is needed` : undefined) },
  )
  .superRefine(({ fixedEgressIp, vpcId, subnetIds, securityGroupIds }, context) => {
    const problem = (message: string) => context.addIssue({ code: 'custom', message });
    if (fixedEgressIp === true) {
      if (vpcId ?? subnetIds ?? securityGroupIds)
        problem('fixedEgressIp makes a network of its own: leave the ids out');
    } else if (vpcId === undefined || subnetIds === undefined) {
      problem(`${NETWORK_SHAPES} is needed`);
    }
  });

export const StackConfigSchema = z.strictObject({
  accountName: z
    .string({ error: 'the account name is needed, as in <accountName>.<instance>.evergage.com' })
    .regex(DNS_LABEL, { error: DNS_LABEL_RULE })
    .describe('Your account: the first label of the host `<accountName>.<instance>.evergage.com`.'),
  instance: z
    .string({ error: 'the instance is needed, such as us-5' })
    .regex(DNS_LABEL, { error: DNS_LABEL_RULE })
    .describe('Its instance, such as `us-5`: the second label of that host.'),
  exports: z
    .array(ExportSettingsSchema, { error: 'a list of exports is needed' })
    .min(1, { error: 'at least one export is needed' })
    .superRefine((exports, context) => {
      const names = exports.map(({ name }) => name);
      for (const [i, name] of names.entries()) {
        if (names.indexOf(name) === i) continue;
        context.addIssue({ code: 'custom', path: [i, 'name'], message: 'another export has this name already' });
      }
      checkAttributeOrder(exports, context);
    })
    .describe('The exports, with the keys below.'),
  /** Pages in flight at once: what the API bears; a Distributed Map starts up to 100 children a second. */
  concurrency: integer(1, 1000).default(20).describe('Pages in flight at once, in one run.'),
  /** How long published runs are kept; the newest of each export stays, whatever its age. */
  retentionDays: integer(1, 36_500)
    .default(400)
    .describe('Days a published run is kept. The newest of each export stays, whatever its age.'),
  /** Name of the Glue database and of the Athena workgroup. */
  databaseName: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,62}$/, { error: 'up to 63 lower case letters, digits and underscores are needed' })
    .default('account_export')
    .describe('Name of the Glue database and of the Athena workgroup.'),
  /** A query of the workgroup that would read more ends: a guard against a mistake, at 5 USD a TB. */
  scanLimitGb: integer(1, 100_000)
    .default(100)
    .describe('A query of the workgroup that would read more gigabytes is ended.'),
  /** How long what only the run itself needs is kept, and so how long a failed run can be taken up again. */
  workRetentionDays: integer(1, 3650)
    .default(30)
    .describe('Days a run that failed or was held back can be taken up again.'),
  logRetentionDays: z
    .literal(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      {
        error: 'a number of days that CloudWatch offers is needed, such as 30, 90 or 365',
      },
    )
    .default(90)
    .describe('Days the logs are kept.'),
  /** A secret that exists already; without it the stack makes one. */
  secretName: z
    .string()
    .min(1, { error: 'an empty name is not allowed: leave the key out' })
    .optional()
    .describe('Name of a secret of yours that holds the API key. Without it, the stack makes one.'),
  /** Who gets a mail when a run fails; the address must confirm the subscription once. */
  alarmEmail: z
    .email({ error: 'an e-mail address is needed' })
    .optional()
    .describe('Who gets a mail when a run fails. The address must confirm the subscription once.'),
  /** Who answers for the costs sets it: at what the stack costs when all is well, and some more. */
  monthlyBudgetUsd: integer(1, 1_000_000)
    .optional()
    .describe(
      'USD a month that the stack may cost; whoever is told of failures is told at 80 %, and when the forecast goes beyond. Without it, nobody watches. Needs a step in Billing: [cost](cost.md#a-budget).',
    ),
  tags: TagsSchema.default({}).describe(
    'Tags on all that the stack makes, besides `application`, which is `account-export` unless you say otherwise.',
  ),
  /** With the context flag `accountExport:allowDataDeletion`, and only with both, data goes when the stack goes. */
  deleteDataWithStack: z
    .boolean({ error: 'true or false is needed' })
    .default(false)
    .describe('With `-c accountExport:allowDataDeletion=true`, and only with both, data goes when the stack goes.'),
  /** Whose key encrypts what is stored. */
  encryption: z
    .enum(['s3-managed', 'customer-key'], { error: '"s3-managed" or "customer-key" is needed' })
    .default('s3-managed')
    .describe('Whose key encrypts what is stored: that of AWS, or one of yours in KMS, which the stack makes.'),
  /** From which network the API is called. */
  network: NetworkSchema.optional().describe(
    'The network from which the API is called: yours, or a small one with one fixed address (output `EgressIp`). Without it, none.',
  ),
});

/**
 * CSV columns are found by their position, and all CSV exports share a table: an attribute that comes in between two others
 * would move the values of every earlier run by one column. So there is one order, and new attributes come at its end.
 */
function checkAttributeOrder(exports: readonly ExportSettings[], context: z.RefinementCtx): void {
  const lists = exports.map(({ format, attributeColumns = [] }) => (format === 'csv' ? attributeColumns : []));
  const longest = lists.reduce((a, b) => (b.length > a.length ? b : a), []);
  for (const [i, list] of lists.entries()) {
    if (list.every((column, at) => column === longest[at])) continue;
    context.addIssue({
      code: 'custom',
      path: [i, 'attributeColumns'],
      message: `CSV exports share one table, so this list must be how the longest one begins: ${longest.join(', ')}`,
    });
  }
}

/** From which network the API is called. */
export type NetworkConfig = z.infer<typeof NetworkSchema>;

/** A configuration that can be deployed. */
export type StackConfig = z.infer<typeof StackConfigSchema>;

/**
 * Checks the configuration and reports every mistake at once.
 * @throws ExportError `ConfigError`
 */
export function parseStackConfig(input: unknown): StackConfig {
  return parseOrThrow(StackConfigSchema, input ?? {}, 'The configuration accountExport in cdk.json', 'ConfigError');
}
