import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  BatchCreatePartitionCommand,
  DeletePartitionCommand,
  GetPartitionCommand,
  GetTableCommand,
  type GlueClient,
  type Partition,
  type PartitionInput,
  paginateGetPartitions,
} from '@aws-sdk/client-glue';
import { csvColumns, newestName, RUNS_TABLE, tableDefinitions, tableName } from '../catalog/tables.ts';
import type { PublishedRun, RepairableCatalog } from '../export/ports.ts';
import { partsPrefix, publishedRunPrefix } from '../export/storage/bucket-layout.ts';
import { ExportError } from '../model/errors.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../model/export-format.ts';
import { awsFailure } from './aws-errors.ts';

export interface GluePlace {
  readonly client: GlueClient;
  readonly database: string;
  readonly bucket: string;
  /** Receives failures that do not fail a run. */
  readonly warn?: ((message: string, error: unknown) => void) | undefined;
  /** For tests. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * A wait between dependent changes. Athena looks up the partitions of one table after another when it plans a query; without
 * the wait, a query could see the later change but not the earlier one, and find an export empty.
 */
const SETTLE_MS = 5_000;

/** Partitions per request. Source: AWS Glue web API reference, "BatchCreatePartition". */
const BATCH = 100;

/** The parameter of a newest run's partition that orders runs of the same day. */
const PUBLISHED_AT = 'published_at';

/**
 * Published runs as partitions of the Glue tables.
 *
 * The partition of `export_runs` is added last and removed first. The views join it, so a run becomes visible complete and at
 * one moment. Then the previous newest run is removed from the tables of the newest runs, so that `accounts_latest` reads
 * only what it shows.
 * Needs glue:BatchCreatePartition, glue:GetPartition, glue:GetPartitions and glue:DeletePartition, and glue:GetTable to check.
 */
export function glueCatalog({ client, database, bucket, warn, sleep = setTimeout }: GluePlace): RepairableCatalog {
  const tables = new Map(tableDefinitions([]).map((table) => [table.name, table]));

  function inputOf(tableName: string, run: PublishedRun): PartitionInput {
    const table = tables.get(tableName);
    if (!table) throw new Error(`Unknown table ${tableName}: this is a defect.`);
    // A partition keeps the columns that its parts were written with, even if the table has more by now.
    const csv = tableName === RUNS_TABLE ? undefined : run.csvColumns;
    const columns = csv ? csvColumns(csv) : table.columns;
    const newest = EXPORT_FORMATS.map(newestName).includes(tableName);
    return {
      Values: valuesIn(tableName, run),
      Parameters: { ...table.parameters, ...(newest && { [PUBLISHED_AT]: run.publishedAt }) },
      StorageDescriptor: {
        Location: locationIn(tableName, run),
        Columns: columns.map(({ name, type }) => ({ Name: name, Type: type })),
        InputFormat: table.inputFormat,
        OutputFormat: table.outputFormat,
        SerdeInfo: { SerializationLibrary: table.serde.library, Parameters: { ...table.serde.parameters } },
      },
    };
  }

  function locationIn(table: string, run: PublishedRun): string {
    return `s3://${bucket}/${table === RUNS_TABLE ? publishedRunPrefix(run.runId) : partsPrefix(run)}`;
  }

  /** Adds the partitions of runs to a table, 100 at a time; existing ones are no error. */
  async function add(tableName: string, runs: readonly PublishedRun[]): Promise<void> {
    for (let at = 0; at < runs.length; at += BATCH) {
      const batch = runs.slice(at, at + BATCH);
      const PartitionInputList = batch.map((run) => inputOf(tableName, run));
      const [first] = batch.map((run) => valuesIn(tableName, run).join('/'));
      const others = batch.length > 1 ? ` and ${batch.length - 1} others` : '';
      const what = `Adding the partition ${first}${others} to ${database}.${tableName}`;
      const request = { DatabaseName: database, TableName: tableName, PartitionInputList };
      const { Errors = [] } = await client.send(new BatchCreatePartitionCommand(request)).catch((error: unknown) => {
        throw awsFailure(what, error);
      });
      // Errors of single partitions come with status 200.
      for (const { PartitionValues = [], ErrorDetail = {} } of Errors) {
        const { ErrorCode = 'unknown error', ErrorMessage } = ErrorDetail;
        if (ErrorCode !== 'AlreadyExistsException') throw awsFailure(what, { name: ErrorCode, message: ErrorMessage });
        const existing = await get(tableName, PartitionValues, what);
        const run = batch.find((one) => isDeepStrictEqual(valuesIn(tableName, one), PartitionValues));
        if (run) refuseOtherLocation(tableName, run, existing?.StorageDescriptor?.Location);
      }
    }
  }

  function refuseOtherLocation(table: string, run: PublishedRun, existing = 'unknown'): void {
    const location = locationIn(table, run);
    if (existing.replace(/\/$/, '') === location.replace(/\/$/, '')) return;
    throw new ExportError(
      'ConfigError',
      `Partition ${valuesIn(table, run).join('/')} of ${database}.${table} already exists with another location (${existing}, expected ${location}): delete that partition, then resume the run.`,
    );
  }

  async function get(table: string, values: readonly string[], what: string): Promise<Partition | undefined> {
    const request = { DatabaseName: database, TableName: table, PartitionValues: [...values] };
    try {
      return (await client.send(new GetPartitionCommand(request))).Partition ?? {};
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw awsFailure(what, error);
    }
  }

  async function remove(table: string, values: readonly string[]): Promise<void> {
    const request = { DatabaseName: database, TableName: table, PartitionValues: [...values] };
    try {
      await client.send(new DeletePartitionCommand(request));
    } catch (error) {
      // An interrupted attempt may have removed it.
      if (!isNotFound(error))
        throw awsFailure(`Removing the partition ${values.join('/')} from ${database}.${table}`, error);
    }
  }

  /** The partitions of a table, without their columns. */
  async function partitionsOf(table: string, what: string, expression?: string): Promise<Partition[]> {
    const request = {
      DatabaseName: database,
      TableName: table,
      ExcludeColumnSchema: true,
      ...(expression === undefined ? {} : { Expression: expression }),
    };
    const found: Partition[] = [];
    try {
      for await (const { Partitions = [] } of paginateGetPartitions({ client }, request)) found.push(...Partitions);
    } catch (error) {
      throw awsFailure(what, error);
    }
    return found;
  }

  /**
   * Removes all but the newest run of an export from the tables of the newest runs: the run due on the latest day, and among
   * those the one published last. Ignores runs that are not visible yet, because removing the visible run before them would
   * leave nothing.
   */
  async function keepNewest(exportName: string): Promise<void> {
    const what = `Finding the newest run of "${exportName}" in ${database}`;
    const found: { table: string; values: readonly string[]; rank: string }[] = [];
    for (const table of EXPORT_FORMATS.map(newestName)) {
      for (const { Values = [], Parameters = {} } of await partitionsOf(table, what, `export_name = '${exportName}'`)) {
        // Never removes a run of another export, even if the filter of Glue returns it.
        if (Values[0] !== exportName) continue;
        found.push({ table, values: Values, rank: `${Values[1]} ${Parameters[PUBLISHED_AT]} ${Values[2]}` });
      }
    }
    const visible: typeof found = [];
    for (const one of found) if (await get(RUNS_TABLE, one.values.slice(-1), what)) visible.push(one);
    const [, ...older] = visible.sort((a, b) => (a.rank < b.rank ? 1 : -1));
    if (older.length > 0) await sleep(SETTLE_MS);
    for (const { table, values } of older) await remove(table, values);
  }

  /** What each table lacks, in the order in which it is added. */
  async function missingPartitions(
    runs: readonly PublishedRun[],
  ): Promise<{ readonly table: string; readonly runs: readonly PublishedRun[] }[]> {
    // The newest first: accounts_latest shows it as soon as it is there, and no older run before it.
    const sorted = runs.toSorted((a, b) => (rankOf(a) < rankOf(b) ? 1 : -1));
    const newest = [...Map.groupBy(sorted, ({ exportName }) => exportName).values()].flatMap(([first]) => first ?? []);
    const ofFormat = (all: readonly PublishedRun[], format: ExportFormat) => all.filter((run) => run.format === format);
    const wanted = [
      ...EXPORT_FORMATS.map((format) => ({ table: tableName(format), runs: ofFormat(sorted, format) })),
      ...EXPORT_FORMATS.map((format) => ({ table: newestName(format), runs: ofFormat(newest, format) })),
      { table: RUNS_TABLE, runs: sorted },
    ];
    const missing: typeof wanted = [];
    for (const { table, runs: all } of wanted.filter((step) => step.runs.length > 0)) {
      const partitions = await partitionsOf(table, `Listing the partitions of ${database}.${table}`);
      const locations = new Map(
        partitions.map(({ Values = [], StorageDescriptor }) => [Values.join('/'), StorageDescriptor?.Location]),
      );
      const isMissing = (run: PublishedRun) => {
        const key = valuesIn(table, run).join('/');
        if (!locations.has(key)) return true;
        refuseOtherLocation(table, run, locations.get(key));
        return false;
      };
      missing.push({ table, runs: all.filter(isMissing) });
    }
    return missing;
  }

  return {
    database,
    async check(format) {
      const names = [tableName(format), newestName(format), RUNS_TABLE];
      await Promise.all(
        names.map((name) =>
          client.send(new GetTableCommand({ DatabaseName: database, Name: name })).catch((error: unknown) => {
            throw awsFailure(`Looking up the table ${database}.${name}`, error);
          }),
        ),
      );
    },

    async addRun(run) {
      await add(tableName(run.format), [run]);
      await add(newestName(run.format), [run]);
      await sleep(SETTLE_MS);
      await add(RUNS_TABLE, [run]);
      // The run is visible now. An older run that remains costs time in queries until the next run removes it.
      await keepNewest(run.exportName).catch((error: unknown) => {
        warn?.('The previous run could not be removed from the tables of the newest runs', error);
      });
    },

    async missingRuns(runs) {
      const missing = new Set((await missingPartitions(runs)).flatMap((step) => step.runs));
      return runs.filter((run) => missing.has(run));
    },

    async addMissingRuns(runs) {
      for (const { table, runs: missing } of await missingPartitions(runs)) {
        if (table === RUNS_TABLE && missing.length > 0) await sleep(SETTLE_MS);
        await add(table, missing);
      }
      for (const exportName of new Set(runs.map((run) => run.exportName))) await keepNewest(exportName);
    },

    async removeRun(run) {
      await remove(RUNS_TABLE, [run.runId]);
      await remove(newestName(run.format), valuesOf(run));
      await remove(tableName(run.format), valuesOf(run));
    },

    async isVisible(runId) {
      const what = `Looking up the partition of run "${runId}" in ${database}`;
      return (await get(RUNS_TABLE, [runId], what)) !== undefined;
    },
  };
}

function valuesOf({ exportName, exportDate, runId }: PublishedRun): string[] {
  return [exportName, exportDate, runId];
}

/** The partition of a run in a table. */
function valuesIn(table: string, run: PublishedRun): string[] {
  return table === RUNS_TABLE ? [run.runId] : valuesOf(run);
}

/** Orders the runs of an export as the views do. */
function rankOf({ exportDate, publishedAt, runId }: PublishedRun): string {
  return `${exportDate} ${publishedAt} ${runId}`;
}

function isNotFound(error: unknown): boolean {
  return (error as Error).name === 'EntityNotFoundException';
}
