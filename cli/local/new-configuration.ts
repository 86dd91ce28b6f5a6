/** What `init` writes: the answers as a configuration, in a `cdk.json` of its own or in an existing one. */
import { isDeepStrictEqual } from 'node:util';
import { ExportError } from '../../functions/model/errors.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import type { CdkJson } from './configuration.ts';

/** The answers as keys of the configuration. */
export interface Answers {
  readonly accountName: string;
  readonly instance: string;
  readonly datasetId: string;
  readonly format: string;
  readonly schedule?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly alarmEmail?: string | undefined;
}

/** The configuration of one export, which has the name of its dataset, as for `run --dataset`. */
export function configurationOf({ accountName, instance, alarmEmail, ...settings }: Answers): object {
  return withoutUndefined({
    accountName,
    instance,
    alarmEmail,
    exports: [withoutUndefined({ name: settings.datasetId, ...settings })],
  });
}

/**
 * Checks answers by the rules of the stack; those that are not there yet count as valid.
 * @param what an error calls them
 * @throws ExportError `ConfigError` that names each by its key
 */
export function checkAnswers<T extends Partial<Answers>>(answers: T, what: string): T {
  const valid: Answers = { accountName: 'a', instance: 'a', datasetId: 'a', format: 'json', ...answers };
  try {
    const { accountName, instance, alarmEmail, ...settings } = valid;
    const exports = [withoutUndefined({ name: 'a', ...settings })];
    parseStackConfig(withoutUndefined({ accountName, instance, alarmEmail, exports }), { now: Date.now(), what });
  } catch (error) {
    // There is only one export.
    (error as Error).message = (error as Error).message.replaceAll('exports[0].', '');
    throw error;
  }
  return answers;
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** The account and instance in a host name or URL of Personalization. @throws ExportError `ConfigError` */
export function hostParts(text: string): Pick<Answers, 'accountName' | 'instance'> {
  const host = text.replace(/^https?:\/\//, '').replace(/[/?#].*$/, '');
  const [, accountName, instance] = /^([^.]+)\.([^.]+)(?:\.evergage\.com)?$/i.exec(host) ?? [];
  if (accountName !== undefined && instance !== undefined) return { accountName, instance };
  throw new ExportError(
    'ConfigError',
    `Invalid host name (${JSON.stringify(host.slice(0, 60))}): use account and instance, such as acme.us-5.evergage.com.`,
  );
}

/**
 * A schedule as people type it: `06:00`, `06:00 Europe/Berlin`, `cron(…)`, `rate(…)`, `at(…)` or `none`.
 * @param defaultZone the time zone of one without a zone. @default UTC
 * @throws ExportError `ConfigError` for anything else; the expression in the brackets is not checked
 */
export function scheduleOf(text: string, defaultZone?: string): Pick<Answers, 'schedule' | 'timeZone'> {
  if (/^none$/i.test(text)) return {};
  const [, expression = text, zone] = /^(.*\)|\S+:\S+)\s+([A-Za-z]\S*)$/.exec(text) ?? [];
  const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(expression) ?? [];
  if (minute === undefined && !/^(cron|rate|at)\(.*\)$/.test(expression)) {
    const rule = 'use a time of day (such as 06:00), cron(…), rate(…), at(…), or the word none';
    throw new ExportError('ConfigError', `Invalid schedule (${JSON.stringify(text.slice(0, 60))}): ${rule}.`);
  }
  return {
    schedule: minute === undefined ? expression : `cron(${Number(minute)} ${Number(hour)} * * ? *)`,
    // A rate has none.
    timeZone: zone ?? (expression.startsWith('rate(') ? undefined : defaultZone),
  };
}

/** The CDK app beside a new `cdk.json`. */
export const APP_FILE = 'app.mjs';
export const APP = `// The CDK app of Account Export. What it deploys is configured in cdk.json, under accountExport.
import { AccountExport } from 'account-export';
import { App, Stack } from 'aws-cdk-lib';

const app = new App();
const { stackName, terminationProtection, ...settings } = app.node.tryGetContext('accountExport');
const stack = new Stack(app, stackName ?? 'AccountExport', { terminationProtection: terminationProtection ?? true });
new AccountExport(stack, 'Default', settings);
`;

/** A new `cdk.json`. */
export function newCdkJson(accountExport: object): string {
  return textOf({
    app: `node ${APP_FILE}`,
    versionReporting: false,
    context: { 'cli-telemetry': false, accountExport },
  });
}

/** An existing `cdk.json` with this configuration; everything else stays as it is, also its layout. */
export function withConfiguration(
  { text, content }: { text: string; content: CdkJson },
  accountExport: object,
): string {
  const changed = { ...content, context: { ...content.context, accountExport } };
  const value = textOf(accountExport).trimEnd().replaceAll('\n', '\n    ');
  const range = rangeOf(text, ['context', 'accountExport']);
  const replaced = range && text.slice(0, range.from) + value + text.slice(range.to);
  return replaced !== undefined && isDeepStrictEqual(JSON.parse(replaced), changed) ? replaced : textOf(changed);
}

function textOf(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Strings, brackets, separators, and everything else. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** Where the value at a path of keys is in a JSON text. */
function rangeOf(text: string, path: readonly string[]): { readonly from: number; readonly to: number } | undefined {
  const tokens = [...text.matchAll(TOKEN)];
  let depth = 0;
  /** How many keys of the path enclose the current token. */
  let found = 0;
  for (const [i, { 0: token }] of tokens.entries()) {
    if (token === '}' || token === ']') depth--;
    found = Math.min(found, depth);
    const isKey = tokens[i + 1]?.[0] === ':' && depth === found + 1 && token === JSON.stringify(path[found]);
    if (token === '{' || token === '[') depth++;
    if (!isKey) continue;
    found++;
    if (found < path.length) continue;
    const value = tokens[i + 2];
    const from = value?.index ?? 0;
    let open = 0;
    for (const { 0: part, index } of tokens.slice(i + 2)) {
      if (part === '{' || part === '[') open++;
      if (part === '}' || part === ']') open--;
      if (open === 0) return { from, to: index + part.length };
    }
  }
  return undefined;
}
