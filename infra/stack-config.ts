/** What `cdk.json` configures under `accountExport`. */
import * as z from 'zod';
import { viewProblem } from '../functions/catalog/catalog-limits.ts';
import {
  attributeColumnsOf,
  attributeNamesOf,
  type ExportSettings,
  ExportSettingsSchema,
  longestAttributeList,
} from '../functions/model/export-settings.ts';
import { parseOrThrow } from '../functions/model/parse-input.ts';
import { isScheduleExpression, isTimeZone, oneTimeMs } from '../functions/model/schedule-expression.ts';
import { DEFAULT_STACK_NAME, databaseNameOf, STACK_NAME } from '../functions/model/stack-name.ts';
import { DNS_LABEL } from '../functions/personalization/request-url.ts';
import { REGIONS_WITHOUT_BUDGETS } from './budget-regions.ts';
import { TagsSchema } from './stack-tags.ts';

const integer = (min: number, max: number) => {
  const error = `must be an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

const hostLabel = (example: string) => {
  const error = `must be one part of the host name, such as ${example} in acme.us-5.evergage.com: up to 63 letters, digits and hyphens, with no hyphen at the start or end`;
  return z.string({ error }).regex(DNS_LABEL, { error });
};

const idOf = (kind: string) => {
  const error = `must be an id such as ${kind}-0123456789abcdef0`;
  return z.string({ error }).regex(new RegExp(`^${kind}-[0-9a-f]{8,17}$`), { error });
};

const idsOf = (kind: string, max: number) => {
  const error = `must be a list of 1 to ${max} ids such as ${kind}-0123456789abcdef0`;
  return z.array(idOf(kind), { error }).min(1, { error }).max(max, { error });
};

const NETWORK_RULE = 'must be {"vpcId":"vpc-…","subnetIds":["subnet-…"]} or {"fixedEgressIp":true}';

const ZONES_RULE = 'must be a list of 1 or 2 availability zones such as us-east-1a';

/** A function accepts up to 16 subnets and 5 security groups: Lambda API reference, `VpcConfig`. */
const NetworkSchema = z
  .strictObject(
    {
      fixedEgressIp: z.literal(true, { error: 'must be true or absent' }).optional(),
      availabilityZones: z
        .array(z.string({ error: ZONES_RULE }).regex(/^[a-z]{2,4}(-[a-z]+)+-\d[a-z]$/, { error: ZONES_RULE }), {
          error: ZONES_RULE,
        })
        .min(1, { error: ZONES_RULE })
        .max(2, { error: ZONES_RULE })
        .optional(),
      vpcId: idOf('vpc').optional(),
      subnetIds: idsOf('subnet', 16).optional(),
      securityGroupIds: idsOf('sg', 5).optional(),
    },
    { error: ({ code }) => (code === 'invalid_type' ? NETWORK_RULE : undefined) },
  )
  .superRefine(({ fixedEgressIp, availabilityZones, vpcId, subnetIds, securityGroupIds }, context) => {
    const problem = (message: string) => context.addIssue({ code: 'custom', message });
    if (fixedEgressIp === true) {
      if (vpcId ?? subnetIds ?? securityGroupIds)
        problem('must have either fixedEgressIp (for a new network) or the ids of an existing network, not both');
    } else if (vpcId === undefined || subnetIds === undefined) {
      problem(NETWORK_RULE);
    } else if (availabilityZones !== undefined) {
      problem('must not have availabilityZones together with subnetIds, because the subnets already have zones');
    }
  });

/** The values that CloudWatch Logs accepts: API reference, `PutRetentionPolicy`. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const DATABASE_RULE = 'must be up to 63 lowercase letters, digits and underscores, starting with a letter';

const SECRET_RULE = 'must be up to 512 characters: letters, digits, and any of /_+=.@-';

const STACK_NAME_RULE = 'must be up to 40 letters, digits and hyphens, starting with a letter';

export const StackConfigSchema = z.strictObject({
  stackName: z
    .string({ error: STACK_NAME_RULE })
    .regex(STACK_NAME, { error: STACK_NAME_RULE })
    .default(DEFAULT_STACK_NAME)
    .describe(
      'Name of the CloudFormation stack, the state machine, the alarms and the schedule group. A second tenant or stage needs another name. Commands take it as `--stack`.',
    ),
  accountName: hostLabel('acme').describe(
    'Your account: the first part of the host name `<accountName>.<instance>.evergage.com`.',
  ),
  instance: hostLabel('us-5').describe('Your instance, such as `us-5`: the second part of that host name.'),
  exports: z
    .array(ExportSettingsSchema, { error: 'must be a list of exports' })
    .min(1, { error: 'must have at least one export' })
    .superRefine((exports, context) => {
      const names = exports.map(({ name }) => name);
      for (const [i, name] of names.entries()) {
        if (names.indexOf(name) === i) continue;
        context.addIssue({ code: 'custom', path: [i, 'name'], message: 'must be unique' });
      }
      checkAttributeOrder(exports, context);
      checkViews(exports, context);
    })
    .describe('The exports, with the keys below.'),
  concurrency: integer(1, 1000).default(20).describe('Pages fetched at the same time by one run.'),
  retentionDays: integer(1, 36_500)
    .default(400)
    .describe('Days to keep a published run. The newest one of each export is always kept.'),
  databaseName: z
    .string({ error: DATABASE_RULE })
    .regex(/^[a-z][a-z0-9_]{0,62}$/, { error: DATABASE_RULE })
    .optional()
    .describe(
      'Name of the Glue database and of the Athena workgroup. Default: the name of the stack in lower case with underscores (`AccountExport` gives `account_export`).',
    ),
  scanLimitGb: integer(1, 100_000)
    .default(100)
    .describe('Athena cancels a query of the workgroup that scans more gigabytes than this.'),
  workRetentionDays: integer(1, 3650)
    .default(30)
    .describe('Days in which a failed run can be resumed and a quarantined run published.'),
  logRetentionDays: z
    .literal(LOG_RETENTION_DAYS, {
      error: 'must be a number of days that CloudWatch Logs accepts, such as 30, 90 or 365',
    })
    .default(90)
    .describe('Days to keep the logs.'),
  secretName: z
    .string({ error: SECRET_RULE })
    .regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, { error: SECRET_RULE })
    .optional()
    .describe('Name of an existing secret with the API key. Default: the stack creates one.'),
  alarmEmail: z
    .email({ error: 'must be an email address' })
    .optional()
    .describe('Email address for failures and alarms. The recipient must confirm the subscription once.'),
  monthlyBudgetUsd: integer(1, 1_000_000)
    .optional()
    .describe(
      'Budget in USD a month. When the costs reach 80% of the budget, and when the forecast exceeds the budget, a notification goes to the failure topic. Default: no budget. Requires activating a cost allocation tag in Billing, and a Region that supports AWS Budgets: [cost](cost.md#a-budget).',
    ),
  tags: TagsSchema.default({}).describe(
    'Tags on all resources of the stack. The default of the tag `application` is the stack name in lower case with hyphens (`account-export`).',
  ),
  deleteDataWithStack: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .describe(
      'Deletes all data when the stack is deleted. Has no effect unless you deploy with `-c accountExport:allowDataDeletion=true`.',
    ),
  terminationProtection: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .describe('Protects the stack from deletion. To delete it, set `false` and deploy first.'),
  encryption: z
    .enum(['s3-managed', 'customer-key'], { error: 'must be "s3-managed" or "customer-key"' })
    .default('s3-managed')
    .describe('What encrypts stored data: a key of AWS, or a customer managed KMS key that the stack creates.'),
  network: NetworkSchema.optional().describe(
    'The network to call the API from: an existing VPC, or a small new one with one fixed address (output `EgressIp`) in two availability zones, which `availabilityZones` can choose. Default: no VPC.',
  ),
});

/**
 * OpenCSVSerDe finds columns by position, and all CSV exports share a table. A column inserted between two others would
 * shift the values of every earlier run, so there is one order, and new attributes are appended.
 */
function checkAttributeOrder(exports: readonly ExportSettings[], context: z.RefinementCtx): void {
  const lists = exports.map(({ format, attributeColumns = [] }) => (format === 'csv' ? attributeColumns : []));
  const longest = lists.reduce((a, b) => (b.length > a.length ? b : a), []);
  for (const [i, list] of lists.entries()) {
    if (list.every((column, at) => column === longest[at])) continue;
    context.addIssue({
      code: 'custom',
      path: [i, 'attributeColumns'],
      message: `must be the beginning of the longest list (${namesOf(longest)}): the same names in the same order, because all CSV exports share one table`,
    });
  }
}

/** A list may have 500 names. */
function namesOf(columns: readonly string[]): string {
  return [...columns.slice(0, MAX_NAMED), ...(columns.length > MAX_NAMED ? ['…'] : [])].join(', ');
}

const MAX_NAMED = 20;

/** The views name the attributes of all exports, so the export with the longest list is the one to shorten. */
function checkViews(exports: readonly ExportSettings[], context: z.RefinementCtx): void {
  const problem = viewProblem(attributeColumnsOf(exports), attributeNamesOf(exports));
  if (problem === undefined) return;
  const longest = longestAttributeList(exports);
  context.addIssue({
    code: 'custom',
    path: [exports.indexOf(longest), 'attributeColumns'],
    message: `must be shorter: the views name the attributes of all exports, and ${problem}; export "${longest.name}" has the longest list`,
  });
}

export type NetworkConfig = z.infer<typeof NetworkSchema>;

/** A configuration that can be deployed. */
export type StackConfig = z.infer<typeof StackConfigSchema> & { readonly databaseName: string };

/** Where and when a configuration is deployed, as far as it is known, and what errors call it. */
export interface Target {
  /** Epoch milliseconds. @default one-time schedules are not compared with it */
  readonly now?: number;
  /** @default regions are not checked */
  readonly region?: string | undefined;
  /** What an error calls the configuration. @default "accountExport configuration in cdk.json" */
  readonly what?: string;
}

/**
 * Checks the configuration and reports every problem at once.
 * @throws ExportError `ConfigError`
 */
export function parseStackConfig(input: unknown, target: Target = {}): StackConfig {
  const schema = StackConfigSchema.superRefine((config, context) => checkTarget(config, target, context));
  const { what = 'accountExport configuration in cdk.json' } = target;
  const config = parseOrThrow(schema, input ?? {}, what, 'ConfigError');
  return { ...config, databaseName: config.databaseName ?? databaseNameOf(config.stackName) };
}

/** What the construct takes: everything but what belongs to the stack. */
const SettingsSchema = StackConfigSchema.omit({ stackName: true, terminationProtection: true });

/** The settings of the construct `AccountExport`, described in docs/configuration.md. */
export type AccountExportSettings = z.input<typeof SettingsSchema>;

/**
 * Checks the settings of the construct and reports every problem at once.
 * @throws ExportError `ConfigError`
 */
export function parseSettings(input: AccountExportSettings, target: Target): z.infer<typeof SettingsSchema> {
  const schema = SettingsSchema.superRefine((settings, context) => checkTarget(settings, target, context));
  return parseOrThrow(schema, input, 'props of AccountExport', 'ConfigError');
}

function checkTarget(
  { exports, monthlyBudgetUsd }: z.infer<typeof SettingsSchema>,
  { now = Number.NEGATIVE_INFINITY, region = '' }: Target,
  context: z.RefinementCtx,
): void {
  for (const [i, { schedule = '', timeZone = 'Etc/UTC' }] of exports.entries()) {
    // Invalid ones have their own message.
    if (!isScheduleExpression(schedule) || !isTimeZone(timeZone)) continue;
    const dueMs = oneTimeMs(schedule, timeZone);
    if (dueMs === undefined || dueMs > now) continue;
    const message = 'must be in the future: choose a later time, or remove the schedule';
    context.addIssue({ code: 'custom', path: ['exports', i, 'schedule'], message });
  }
  if (monthlyBudgetUsd !== undefined && REGIONS_WITHOUT_BUDGETS.has(region)) {
    const message = `must not be set in ${region}, where CloudFormation has no budgets: remove it, and create the budget in the Billing console`;
    context.addIssue({ code: 'custom', path: ['monthlyBudgetUsd'], message });
  }
}
