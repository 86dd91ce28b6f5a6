/** The reference tables of `docs/configuration.md`, made from the schemas that check the configuration. */
import * as z from 'zod';
import { ExportRequestSchema, ExportSettingsSchema, NAME_PATTERN } from '../../functions/model/export-settings.ts';
import { StackConfigSchema } from '../../infra/stack-config.ts';
import { type MadeBlocks, markdownTable } from './made-blocks.ts';

export interface SettingRow {
  readonly key: string;
  readonly allowed: string;
  /** As JSON; `undefined` when there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  /** Empty when the schema says nothing. */
  readonly meaning: string;
}

/** What is used here of a JSON schema. */
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

/** What a JSON schema cannot say, the schema's own sentence does: what is refused, is refused with what is allowed. */
function ruleOf(schema: z.ZodType): string | undefined {
  const refused = schema.safeParse('!');
  return refused.success ? undefined : ruleIn(refused.error.issues[0]?.message ?? '');
}

function ruleIn(message: string): string {
  return message.replace(/ (?:is|are) (?:needed|allowed)/, '');
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function settingsTable(rows: readonly SettingRow[]): string {
  return markdownTable(
    ['key', 'allowed', 'default', 'meaning'],
    rows.map(({ key, allowed, required, meaning, ...row }) => {
      const byDefault = row.default === undefined ? 'none' : `\`${row.default}\``;
      return [`\`${key}\``, allowed, required ? 'required' : byDefault, meaning];
    }),
  );
}

/** A list in lines as long as the pages have them. */
function wrapped(words: readonly string[]): string {
  return words
    .join(', ')
    .replaceAll(/(.{1,120})(?: |$)/g, '$1\n')
    .trimEnd();
}

/** The blocks of `docs/configuration.md`. */
export function configurationBlocks(): MadeBlocks {
  const request = settingRows(ExportRequestSchema);
  const settings = settingRows(ExportSettingsSchema);
  const isSetting = ({ key }: SettingRow) => settings.some((setting) => setting.key === key);
  return {
    stack: settingsTable(settingRows(StackConfigSchema)),
    exports: settingsTable(settings),
    overrides: wrapped(request.filter(isSetting).map(({ key }) => `\`${key}\``)),
    request: markdownTable(
      ['key', 'allowed', 'meaning'],
      request.filter((row) => !isSetting(row)).map(({ key, allowed, meaning }) => [`\`${key}\``, allowed, meaning]),
    ),
  };
}
