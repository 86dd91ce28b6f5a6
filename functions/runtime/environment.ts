import * as z from 'zod';
import { parseOrThrow } from '../model/export-settings.ts';

const variable = z.string({ error: 'the stack sets it' }).min(1, { error: 'the stack sets it' });

const EnvironmentSchema = z.object({
  BUCKET: variable,
  SECRET_ID: variable,
  /** The stack sets it from accountName and instance, so that no request can choose another host. */
  API_URL: z.url({ error: 'a URL is needed; the stack sets it' }),
});

const StoreEnvironmentSchema = EnvironmentSchema.pick({ BUCKET: true });

/** For functions that call the API. @throws ExportError `ConfigError` for missing variables */
export function apiEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof EnvironmentSchema> {
  return parseOrThrow(EnvironmentSchema, env, "The function's environment", 'ConfigError');
}

/** For functions that only use the bucket. @throws ExportError `ConfigError` */
export function storeEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof StoreEnvironmentSchema> {
  return parseOrThrow(StoreEnvironmentSchema, env, "The function's environment", 'ConfigError');
}

const CatalogEnvironmentSchema = z.object({ BUCKET: variable, DATABASE: variable });

/** For functions that change the Glue catalog. @throws ExportError `ConfigError` */
export function catalogEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CatalogEnvironmentSchema> {
  return parseOrThrow(CatalogEnvironmentSchema, env, "The function's environment", 'ConfigError');
}

const RetentionEnvironmentSchema = z.object({
  RETENTION_DAYS: z.coerce.number({ error: 'the stack sets it' }).int().min(1),
});

/** For *Expire runs*. @throws ExportError `ConfigError` */
export function retentionEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof RetentionEnvironmentSchema> {
  return parseOrThrow(RetentionEnvironmentSchema, env, "The function's environment", 'ConfigError');
}
