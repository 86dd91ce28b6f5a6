/** The tables and errors of `docs/configuration.md`, from the schemas that check the configuration. */
import * as z from 'zod';
import { parseRequest } from '../../functions/export/plan/resolve-request.ts';
import { ExportRequestSchema, ExportSettingsSchema, NAME_PATTERN } from '../../functions/model/export-settings.ts';
import { parseStackConfig, StackConfigSchema } from '../../infra/stack-config.ts';
import { fenced, type GeneratedBlocks, markdownTable, wrapped } from './markdown.ts';

export interface SettingRow {
  readonly key: string;
  readonly allowed: string;
  /** As JSON; `undefined` when there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  /** Empty when the schema has no description. */
  readonly meaning: string;
}

/** The keywords of JSON Schema that are used here. */
interface KeySchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly KeySchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: KeySchema;
}

/** The keys of a schema, in its order. */
export function settingRows(schema: z.ZodObject): SettingRow[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties).map(([key, property]) => {
    const json = property as KeySchema;
    return {
      key,
      allowed: allowedBy(json, schema.shape[key] as z.ZodType),
      default: json.default === undefined ? undefined : JSON.stringify(json.default),
      required: required.includes(key),
      meaning: json.description ?? '',
    };
  });
}

function allowedBy(json: KeySchema, schema: z.ZodType): string {
  if (json.const !== undefined) return code(json.const);
  if (json.enum) return json.enum.map(code).join(', ');
  if (json.anyOf) return 'a point in time';
  switch (json.type) {
    case 'boolean':
      return '`true`, `false`';
    case 'integer':
      return range(json);
    case 'array':
      return json.items?.type === 'object' ? 'a list of exports' : `a list of up to ${json.maxItems} texts`;
    default:
      return json.pattern === NAME_PATTERN.source ? 'a name' : (ruleOf(schema) ?? textOf(json));
  }
}

function range({ minimum, maximum = Number.MAX_SAFE_INTEGER }: KeySchema): string {
  return maximum === Number.MAX_SAFE_INTEGER
    ? `an integer from ${minimum}`
    : `an integer from ${minimum} to ${maximum}`;
}

function textOf({ maxLength }: KeySchema): string {
  return maxLength === undefined ? 'a text' : `a text of up to ${maxLength} characters`;
}

/** JSON Schema cannot express every rule. The error for an invalid value states the rule. */
function ruleOf(schema: z.ZodType): string | undefined {
  const { error } = schema.safeParse('!');
  return error?.issues[0]?.message.replace(/^must be | (?:is|are) (?:needed|allowed)/, '');
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function settingsTable(rows: readonly SettingRow[]): string {
  return markdownTable(
    ['key', 'allowed', 'default', 'meaning'],
    rows.map(({ key, allowed, required, meaning, ...row }) => {
      const defaultText = row.default === undefined ? 'none' : `\`${row.default}\``;
      return [`\`${key}\``, allowed, required ? 'required' : defaultText, meaning];
    }),
  );
}

const INVALID_CONFIG = `{
  "accountName": "acme",
  "instance": "us-5",
  "concurency": 5,
  "exports": [
    { "name": "all accounts", "datasetId": "engage", "pageSize": "5k" },
    { "name": "daily", "datasetId": "engage", "schedule": "0 6 * * *", "timeZone": "Berlin" }
  ]
}`;
const INVALID_REQUEST = '{ "exportName": "all-accounts", "pageSize": 0, "window": "P1M" }';

function errorExample(json: string, parse: (input: unknown) => unknown, prefix = ''): string {
  try {
    parse(JSON.parse(json));
  } catch (error) {
    return `${fenced('json', json, 'invalid')}\n\n${fenced('text', wrapped(`${prefix}${(error as Error).message}`))}`;
  }
  throw new Error(`The example is valid: ${json}`);
}

/** The blocks of `docs/configuration.md`. */
export function configurationBlocks(): GeneratedBlocks {
  const request = settingRows(ExportRequestSchema);
  const settings = settingRows(ExportSettingsSchema);
  const isSetting = ({ key }: SettingRow) => settings.some((setting) => setting.key === key);
  const overrides = request.filter(isSetting).map(({ key }) => `\`${key}\``);
  return {
    stack: settingsTable(settingRows(StackConfigSchema)),
    exports: settingsTable(settings),
    overrides: wrapped(overrides.join(', ')),
    request: markdownTable(
      ['key', 'allowed', 'meaning'],
      request.filter((row) => !isSetting(row)).map(({ key, allowed, meaning }) => [`\`${key}\``, allowed, meaning]),
    ),
    'config-error': errorExample(INVALID_CONFIG, parseStackConfig, 'error: '),
    'request-error': errorExample(INVALID_REQUEST, parseRequest, 'RequestError: '),
  };
}
