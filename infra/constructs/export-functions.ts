import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { RUNS_TABLE, tableDefinitions } from '../../functions/catalog/tables.ts';
import { MEMORY_MB } from '../../functions/export/plan/estimate.ts';
import {
  exportHostKey,
  exportLockPrefix,
  failuresPrefix,
  historyKey,
  manifestKey,
  notBeforeKey,
  PUBLISHED_RUNS_PREFIX,
  planKey,
  quarantinedManifestKey,
  receiptsPrefix,
  runLockPrefix,
  scheduledLockPrefix,
  tablePrefix,
  ticketsPrefix,
  unpublishedReportKey,
  workPrefix,
} from '../../functions/export/storage/bucket-layout.ts';
import { ExportFormatSchema } from '../../functions/model/export-format.ts';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { PROGRAM_VARIABLE } from '../../functions/runtime/metric-names.ts';
import { LAMBDA_TIMEOUT_SECONDS, type TaskName } from '../../functions/workflow.ts';
import type { FunctionNetwork } from './api-network.ts';
import { ExportFunction } from './export-function.ts';
import type { Undelivered } from './undelivered.ts';

export interface ExportFunctionsProps {
  /** Which deployment the functions belong to, in metrics and emails. */
  readonly deployment: string;
  readonly exports: readonly ExportSettings[];
  readonly retentionDays: number;
  readonly logRetentionDays: number;
  readonly bucket: IBucket;
  /** The Glue database. */
  readonly database: string;
  readonly api: { readonly url: string; readonly secret: ISecret };
  /** The network to call the API from. @default no VPC */
  readonly network?: FunctionNetwork | undefined;
  readonly undelivered: Undelivered;
  readonly encryptionKey?: IKey | undefined;
}

/** Lambda's maximum. */
const MAX_TIMEOUT = Duration.minutes(15);
/** Lies next to the bundle of *Plan export*. */
const EXPORTS_FILE = 'exports.json';

// Key patterns of the bucket layout. A test runs the functions with exactly these rights.
const PARTS = ExportFormatSchema.options.map((format) => `${tablePrefix(format)}*`);
const PUBLISHED = `${PUBLISHED_RUNS_PREFIX}*`;
const RUN_FOLDER = `${workPrefix('*')}*`;
const PLAN = planKey('*');
const NOT_BEFORE = notBeforeKey('*');
const QUARANTINED_MANIFEST = quarantinedManifestKey('*');
const HISTORY = historyKey('*');
const UNPUBLISHED_REPORT = unpublishedReportKey('*');
const TICKETS = `${ticketsPrefix('*')}*`;
const RECEIPTS = `${receiptsPrefix('*')}*`;
const FAILURES = `${failuresPrefix('*')}*`;
const LOCKS = [runLockPrefix('*'), exportLockPrefix('*'), scheduledLockPrefix('*', '*')].map((prefix) => `${prefix}*`);

/** Adds the Lambda functions, each with exactly the rights that its code uses. */
export function addExportFunctions(scope: Construct, props: ExportFunctionsProps) {
  const { deployment, exports, retentionDays, logRetentionDays, bucket, database, api, network } = props;
  const { undelivered, encryptionKey } = props;
  const tables = tableDefinitions([]).map(({ name }) => name);
  const common = { deployment, bucket, logRetentionDays, encryptionKey };
  // Only functions that call the API run in its network; the others keep working when the network fails.
  const callsApi = { ...common, api, network };
  const planExport = new ExportFunction(scope, 'PlanExport', {
    ...callsApi,
    entry: 'plan-export',
    description: 'Account Export: takes the locks, counts the accounts and plans the pages of a run',
    // A run that could not be published must not fetch records.
    catalog: { database, tables, actions: ['glue:GetTable'] },
    memoryMb: MEMORY_MB.plan,
    timeout: timeoutOf('planExport'),
    files: { [EXPORTS_FILE]: JSON.stringify(exports) },
    environment: { EXPORTS_FILE },
    reads: ['work/*', PUBLISHED],
    writes: [PLAN, NOT_BEFORE, TICKETS, FAILURES, ...LOCKS, exportHostKey('*')],
    deletes: [TICKETS],
  });
  const exportPage = new ExportFunction(scope, 'ExportPage', {
    ...callsApi,
    entry: 'export-page',
    description: 'Account Export: fetches one page and writes its part and receipt',
    memoryMb: MEMORY_MB.page,
    timeout: timeoutOf('exportPage'),
    // It refuses to overwrite a published run.
    reads: [...PARTS, RUN_FOLDER, manifestKey('*')],
    writes: [...PARTS, NOT_BEFORE, TICKETS, RECEIPTS, FAILURES],
    deletes: [TICKETS],
  });
  const publishRun = new ExportFunction(scope, 'PublishRun', {
    ...callsApi,
    entry: 'publish-run',
    description: 'Account Export: verifies a run, writes its manifest and adds its partition',
    catalog: {
      database,
      tables,
      actions: ['glue:BatchCreatePartition', 'glue:DeletePartition', 'glue:GetPartition', 'glue:GetPartitions'],
    },
    memoryMb: MEMORY_MB.publish,
    timeout: timeoutOf('publishRun'),
    reads: [...PARTS, RUN_FOLDER, PUBLISHED, HISTORY],
    writes: [...PARTS, NOT_BEFORE, TICKETS, RECEIPTS, FAILURES, QUARANTINED_MANIFEST, PUBLISHED, HISTORY],
    // It takes its manifest back if a part was modified while it was published.
    deletes: [TICKETS, PUBLISHED],
  });
  const reportFailure = new ExportFunction(scope, 'ReportFailure', {
    ...common,
    entry: 'report-failure',
    description: 'Account Export: reports why a run failed and what to do',
    memoryMb: MEMORY_MB.report,
    timeout: timeoutOf('reportFailure'),
    environment: { [PROGRAM_VARIABLE]: PROGRAM },
    reads: [RUN_FOLDER, HISTORY],
    writes: [UNPUBLISHED_REPORT],
  });
  const expireRuns = new ExportFunction(scope, 'ExpireRuns', {
    ...common,
    entry: 'expire-runs',
    description: 'Account Export: deletes runs that are older than retentionDays',
    memoryMb: MEMORY_MB.expire,
    timeout: MAX_TIMEOUT,
    reads: [PUBLISHED, PLAN],
    writes: [],
    deletes: [...PARTS, PUBLISHED],
    catalog: { database, tables, actions: ['glue:DeletePartition', 'glue:GetPartition'] },
    environment: { RETENTION_DAYS: String(retentionDays) },
    deadLetters: undelivered.retention,
  });
  const watchExports = new ExportFunction(scope, 'WatchExports', {
    ...common,
    entry: 'watch-exports',
    description: 'Account Export: measures the age of the last published run of each export',
    memoryMb: MEMORY_MB.report,
    timeout: Duration.minutes(2),
    reads: [PUBLISHED],
    writes: [],
    catalog: { database, tables: [RUNS_TABLE], actions: ['glue:GetPartition'] },
    deadLetters: undelivered.freshness,
  });
  return { tasks: { planExport, exportPage, publishRun, reportFailure }, expireRuns, watchExports };
}

function timeoutOf(task: TaskName): Duration {
  return Duration.seconds(LAMBDA_TIMEOUT_SECONDS[task]);
}
