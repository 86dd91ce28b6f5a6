import { z } from 'zod';
import { parseOrThrow } from '../export/export-config.ts';

const EnvironmentSchema = z.object({
  BUCKET: z.string().min(1),
  SECRET_ID: z.string().min(1),
  /** Built by the stack from accountName and instance: no request can name another host. */
  API_URL: z.url(),
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

const CatalogueEnvironmentSchema = z.object({ BUCKET: z.string().min(1), DATABASE: z.string().min(1) });

/** What the stack tells the functions that change the catalogue. @throws ExportError `ConfigError` */
export function catalogueEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CatalogueEnvironmentSchema> {
  return parseOrThrow(CatalogueEnvironmentSchema, env, "The function's environment", 'ConfigError');
}

const RetentionEnvironmentSchema = z.object({ RETENTION_DAYS: z.coerce.number().int().min(1) });

/** @throws ExportError `ConfigError` */
export function retentionEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof RetentionEnvironmentSchema> {
  return parseOrThrow(RetentionEnvironmentSchema, env, "The function's environment", 'ConfigError');
}
