/** Resolves the input of an execution: every default and override, once. */
import { ExportError } from '../../model/errors.ts';
import {
  type ExportRequest,
  ExportRequestSchema,
  type ExportSettings,
  ExportSettingsSchema,
  NAME_PATTERN,
  SEGMENT_KEYS,
  windowMs,
} from '../../model/export-settings.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import type { RunParameters } from '../../model/run.ts';

/** A request with all its values. */
export interface ResolvedRequest {
  readonly settings: ExportSettings;
  readonly parameters: RunParameters;
  /** ISO 8601. */
  readonly dueAt: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly exportDate: string;
}

/**
 * Checks the input of an execution.
 * @throws ExportError `RequestError` naming every problem at once
 */
export function parseRequest(input: unknown): ExportRequest {
  const request = parseOrThrow(ExportRequestSchema, input ?? {}, 'request');
  const others = Object.keys(request).filter((key) => key !== 'resume' && key !== 'publish');
  if (request.resume !== undefined && others.some((key) => key !== 'maxRecords')) {
    throw new ExportError('RequestError', 'Invalid request: with resume, only maxRecords is allowed.');
  }
  if (request.publish !== undefined && (others.length > 0 || request.resume !== undefined)) {
    throw new ExportError('RequestError', 'Invalid request: with publish, no other key is allowed.');
  }
  return request;
}

/**
 * Resolves a request against the configured exports: `{}` is the only export, `{"exportName"}` a configured one, with
 * overrides. A request with a `datasetId` and no configured name is an ad-hoc export.
 *
 * @param startedAt ISO 8601; when the run was due, unless the request says otherwise
 * @throws ExportError `RequestError`
 */
export function resolveRequest(
  request: ExportRequest,
  exports: readonly ExportSettings[],
  startedAt: string,
): ResolvedRequest {
  const { exportName, dueAt, ...rest } = request;
  const { dryRun: _dryRun, scheduled: _scheduled, resume: _resume, publish: _publish, ...overrides } = rest;
  const base = chooseExport(exportName, overrides.datasetId, exports);
  if (base !== undefined) refuseOtherAccounts(base, overrides);
  const merged: Record<string, unknown> = { ...base };
  // A window replaces fixed dates, and fixed dates replace a window.
  if (overrides.window !== undefined) {
    delete merged.start;
    delete merged.end;
  } else if (overrides.start !== undefined || overrides.end !== undefined) {
    delete merged.window;
  }
  // Parquet has none to choose.
  if (overrides.format === 'parquet') delete merged.compression;
  Object.assign(merged, overrides);
  if (base === undefined) merged.name = exportName ?? overrides.datasetId;
  const settings = parseOrThrow(ExportSettingsSchema, merged, 'request');

  const dueMs = dueAt ?? Date.parse(startedAt);
  const due = new Date(dueMs).toISOString();
  if (dueMs > Date.parse(startedAt) + DAY_MS) {
    const problem = `dueAt must not be more than a day in the future (got ${due})`;
    throw new ExportError('RequestError', `Invalid request: ${problem}.`);
  }
  const window = settings.window === undefined ? undefined : windowMs(settings.window);
  return {
    settings,
    parameters: {
      filter: settings.filter,
      start: window === undefined ? settings.start : Math.max(0, dueMs - window),
      end: window === undefined ? settings.end : dueMs,
      segmentationId: settings.segmentationId,
      segmentId: settings.segmentId,
      pageSize: settings.pageSize,
    },
    dueAt: due,
    exportDate: due.slice(0, 10),
  };
}

const DAY_MS = 86_400_000;
/** Configured exports that an error names. */
const MAX_NAMED = 10;

function chooseExport(
  exportName: string | undefined,
  datasetId: string | undefined,
  exports: readonly ExportSettings[],
): ExportSettings | undefined {
  const names = exports.map((one) => one.name);
  const named = [...names.slice(0, MAX_NAMED), ...(names.length > MAX_NAMED ? ['…'] : [])].join(', ');
  const configured = names.length === 0 ? 'none is configured' : `configured: ${named}`;
  if (exportName !== undefined) {
    const found = exports.find((one) => one.name === exportName);
    if (found || datasetId !== undefined) return found;
    throw new ExportError(
      'RequestError',
      `Unknown export "${exportName}" (${configured}): check the name, or add a datasetId for an ad-hoc export.`,
    );
  }
  if (datasetId !== undefined) return undefined;
  if (exports.length === 1) return exports[0];
  throw new ExportError('RequestError', `Invalid request: exportName is missing (${configured}).`);
}

/** A run of other accounts under the name of a configured export would replace it in `accounts_latest`. */
function refuseOtherAccounts(base: ExportSettings, overrides: ExportRequest): void {
  const differs = (['datasetId', ...SEGMENT_KEYS] as const).filter(
    (key) => overrides[key] !== undefined && overrides[key] !== base[key],
  );
  if (differs.length === 0) return;
  throw new ExportError(
    'RequestError',
    `Invalid request for export "${base.name}" (its ${differs.join(' and ')} cannot be overridden): to export other accounts, set exportName to a new name, and datasetId to their dataset.`,
  );
}

/** Room for the suffix of a retry. */
const MAX_RUN_ID = 120;

/**
 * A run's id is part of keys and of a partition's name.
 * @throws ExportError `RequestError`
 */
export function checkRunId(runId: string): string {
  if (NAME_PATTERN.test(runId) && runId.length <= MAX_RUN_ID) return runId;
  throw new ExportError(
    'RequestError',
    `Invalid run id ${JSON.stringify(runId.slice(0, 60))}: it must have up to ${MAX_RUN_ID} letters, digits, "_", "." or "-" and start with a letter or digit.`,
  );
}
