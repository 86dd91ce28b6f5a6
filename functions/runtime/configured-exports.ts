import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { ExportError } from '../model/errors.ts';
import { type ExportSettings, ExportSettingsSchema } from '../model/export-settings.ts';
import { parseOrThrow } from '../model/parse-input.ts';
import { planEnvironment } from './environment.ts';

/**
 * The configured exports, from a file that the stack deploys next to the bundle: hundreds of attribute names exceed both the
 * environment of a function and the state of an execution.
 *
 * @throws ExportError `ConfigError`
 */
export function configuredExports(): readonly ExportSettings[] {
  const { EXPORTS_FILE } = planEnvironment();
  let exports: unknown;
  try {
    exports = JSON.parse(readFileSync(new URL(EXPORTS_FILE, import.meta.url), 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.name : 'unknown error';
    throw new ExportError(
      'ConfigError',
      `Cannot read the configured exports (${EXPORTS_FILE}: ${why}): deploy the stack again.`,
    );
  }
  return parseOrThrow(z.array(ExportSettingsSchema), exports, EXPORTS_FILE, 'ConfigError');
}
