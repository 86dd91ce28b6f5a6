import * as z from 'zod';
import { parseOrThrow } from '../model/parse-input.ts';

const error = 'must have the value that the stack sets; deploy the stack again';
const variable = z.string({ error }).min(1, { error });

const EnvironmentSchema = z.object({
  BUCKET: variable,
  SECRET_ID: variable,
  /** The stack sets it from accountName and instance, so that no request can choose another host. */
  API_URL: z.url({ error }),
});

const StoreEnvironmentSchema = EnvironmentSchema.pick({ BUCKET: true });

/** For functions that call the API. @throws ExportError `ConfigError` for missing variables */
export function apiEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof EnvironmentSchema> {
  return parseOrThrow(EnvironmentSchema, env, 'environment of the function', 'ConfigError');
}

/** For functions that only use the bucket. @throws ExportError `ConfigError` */
export function storeEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof StoreEnvironmentSchema> {
  return parseOrThrow(StoreEnvironmentSchema, env, 'environment of the function', 'ConfigError');
}

const CatalogEnvironmentSchema = z.object({ BUCKET: variable, DATABASE: variable });

/** For functions that change the Glue catalog. @throws ExportError `ConfigError` */
export function catalogEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CatalogEnvironmentSchema> {
  return parseOrThrow(CatalogEnvironmentSchema, env, 'environment of the function', 'ConfigError');
}

const RetentionEnvironmentSchema = z.object({
  RETENTION_DAYS: z.coerce.number({ error }).int({ error }).min(1, { error }),
});

/** For *Expire runs*. @throws ExportError `ConfigError` */
export function retentionEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof RetentionEnvironmentSchema> {
  return parseOrThrow(RetentionEnvironmentSchema, env, 'environment of the function', 'ConfigError');
}
