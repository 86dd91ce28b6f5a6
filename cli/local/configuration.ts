/** The configuration of a stack in `cdk.json`, for commands on this machine. */
import { readFile } from 'node:fs/promises';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { parseStackConfig, type StackConfig } from '../../infra/stack-config.ts';
import { CommandError } from '../terminal/terminal.ts';

/** A `cdk.json`, as far as it is known. */
export interface CdkJson {
  readonly app?: unknown;
  readonly context?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a `cdk.json`.
 * @returns its text and its content, or `undefined` if there is no such file
 * @throws CommandError of misuse if it cannot be read or is no JSON object
 */
export async function readCdkJson(
  path: string,
): Promise<{ readonly text: string; readonly content: CdkJson } | undefined> {
  let text: string;
  try {
    // Some editors begin files with a byte order mark.
    text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw misuse(`Cannot read ${path} (${code}): pass the path of a cdk.json.`);
  }
  try {
    const content: unknown = JSON.parse(text);
    if (isObject(content) && (content.context === undefined || isObject(content.context))) return { text, content };
  } catch (error) {
    // The message may repeat the text around the error.
    const [at = ''] = /line \d+ column \d+/.exec((error as Error).message) ?? [];
    throw misuse(`Invalid JSON in ${path}${at === '' ? '' : ` (${at})`}: correct the file.`);
  }
  throw misuse(`Invalid content of ${path}: it must be a JSON object, and so must its context.`);
}

/** A configured export, and the configuration that it belongs to. */
export interface ConfiguredExport {
  readonly config: StackConfig;
  readonly settings: ExportSettings;
}

/**
 * Reads a configured export by the rules of the stack.
 * @param path of a `cdk.json`
 * @param name of the export; it may be left out if there is only one
 * @throws CommandError of misuse that names what is wrong in the file
 */
export async function configuredExport(path: string, name: string | undefined): Promise<ConfiguredExport> {
  const file = await readCdkJson(path);
  if (!file) throw misuse(`There is no file ${path}: pass the path of a cdk.json.`);
  const { accountExport } = file.content.context ?? {};
  if (accountExport === undefined)
    throw misuse(
      `No configuration in ${path} (context.accountExport is missing): run init, or pass flags instead of --config.`,
    );
  const config = parsed(accountExport, path);
  const names = config.exports.map((one) => one.name);
  const shown = [...names.slice(0, MAX_NAMED), ...(names.length > MAX_NAMED ? ['…'] : [])].join(', ');
  if (name === undefined && names.length > 1)
    throw misuse(`Missing --export: ${path} configures ${names.length} exports (${shown}).`);
  const settings = config.exports.find((one) => one.name === (name ?? names[0]));
  if (settings) return { config, settings };
  throw misuse(`Unknown export "${name}" (configured: ${shown}): check --export, or add it to ${path}.`);
}

const MAX_NAMED = 10;

function parsed(accountExport: unknown, path: string): StackConfig {
  try {
    // Without a time and a region: a schedule that is over does not matter here.
    return parseStackConfig(accountExport, { what: `accountExport configuration in ${path}` });
  } catch (error) {
    // Its keys are those of the file: no flags.
    throw misuse((error as Error).message);
  }
}

function misuse(message: string): CommandError {
  return new CommandError(message, { misuse: true });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
