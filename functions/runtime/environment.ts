import * as z from 'zod';
import { ExportError } from '../model/errors.ts';
import { problemsOf } from '../model/parse-input.ts';
import { PROGRAM_VARIABLE, STACK_VARIABLE } from './metric-names.ts';

const error = 'must have the value that the stack sets';
const variable = z.string({ error }).min(1, { error });

const EnvironmentSchema = z.object({
  BUCKET: variable,
  SECRET_ID: variable,
  /** The stack sets it from accountName and instance, so that no request can choose another host. */
  API_URL: z.url({ error }),
});

const PlanEnvironmentSchema = z.object({
  /** The file with the configured exports; its path is relative to the bundle. */
  EXPORTS_FILE: variable,
});

/** For *Plan export*. @throws ExportError `ConfigError` */
export function planEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof PlanEnvironmentSchema> {
  return parseEnvironment(PlanEnvironmentSchema, env);
}

const StoreEnvironmentSchema = EnvironmentSchema.pick({ BUCKET: true });

/** For functions that call the API. @throws ExportError `ConfigError` for missing variables */
export function apiEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof EnvironmentSchema> {
  return parseEnvironment(EnvironmentSchema, env);
}

/** For functions that only use the bucket. @throws ExportError `ConfigError` */
export function storeEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof StoreEnvironmentSchema> {
  return parseEnvironment(StoreEnvironmentSchema, env);
}

const CatalogEnvironmentSchema = z.object({ BUCKET: variable, DATABASE: variable });

/** For functions that change the Glue catalog. @throws ExportError `ConfigError` */
export function catalogEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CatalogEnvironmentSchema> {
  return parseEnvironment(CatalogEnvironmentSchema, env);
}

const CommandLineSchema = z
  .object({ [STACK_VARIABLE]: variable, [PROGRAM_VARIABLE]: variable })
  .transform((env) => ({ stack: env[STACK_VARIABLE], program: env[PROGRAM_VARIABLE] }));

/** For *Report failure*, whose emails name commands. @throws ExportError `ConfigError` */
export function commandLineEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof CommandLineSchema> {
  return parseEnvironment(CommandLineSchema, env);
}

const RetentionEnvironmentSchema = z.object({
  RETENTION_DAYS: z.coerce.number({ error }).int({ error }).min(1, { error }),
});

/** For *Expire runs*. @throws ExportError `ConfigError` */
export function retentionEnvironment(env: NodeJS.ProcessEnv = process.env): z.infer<typeof RetentionEnvironmentSchema> {
  return parseEnvironment(RetentionEnvironmentSchema, env);
}

function parseEnvironment<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  const { data, error: invalid } = schema.safeParse(env);
  if (!invalid) return data as T;
  const problems = problemsOf(invalid.issues, env);
  throw new ExportError('ConfigError', `Invalid environment of the function: ${problems}. Deploy the stack again.`);
}
