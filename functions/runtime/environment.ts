import * as z from 'zod';
import { parseOrThrow } from '../model/parse-input.ts';

/** The stack sets every variable: one that is missing was taken away by hand. */
const variable = z.string({ error: 'the stack sets it' }).min(1, { error: 'the stack sets it' });

const EnvironmentSchema = z.object({
  BUCKET: variable,
  SECRET_ID: variable,
  /** Built by the stack from accountName and instance: no request can name another host. */
  API_URL: z.url({ error: 'an address is needed; the stack sets it' }),
});

const StoreEnvironmentSchema = EnvironmentSchema.pick({ BUCKET: true });

/** What the stack tells the functions that call the API. @throws ExportError `ConfigError` naming what is missing */
export function apiEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof EnvironmentSchema> {
  return parseOrThrow(EnvironmentSchema, env, "The function's environment", 'ConfigError');
}

/** What the stack tells a function that only reads the bucket. @throws ExportError `ConfigError` */
export function storeEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof StoreEnvironmentSchema> {
  return parseOrThrow(StoreEnvironmentSchema, env, "The function's environment", 'ConfigError');
}

const CatalogEnvironmentSchema = z.object({ BUCKET: variable, DATABASE: variable });

/** What the stack tells the functions that change the catalog. @throws ExportError `ConfigError` */
export function catalogEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CatalogEnvironmentSchema> {
  return parseOrThrow(CatalogEnvironmentSchema, env, "The function's environment", 'ConfigError');
}

const RetentionEnvironmentSchema = z.object({
  RETENTION_DAYS: z.coerce.number({ error: 'the stack sets it' }).int().min(1),
});

/** @throws ExportError `ConfigError` */
export function retentionEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof RetentionEnvironmentSchema> {
  return parseOrThrow(RetentionEnvironmentSchema, env, "The function's environment", 'ConfigError');
}
