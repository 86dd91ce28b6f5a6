import { setTimeout } from 'node:timers/promises';
import {
  BatchCreatePartitionCommand,
  DeletePartitionCommand,
  GetPartitionCommand,
  type GlueClient,
  type Partition,
  type PartitionInput,
  paginateGetPartitions,
} from '@aws-sdk/client-glue';
import { csvColumns, newestName, RUNS_TABLE, tableDefinitions, tableName } from '../catalog/tables.ts';
import type { Catalog, PublishedRun } from '../export/ports.ts';
import { manifestKey, partsPrefix } from '../export/storage/bucket-layout.ts';
import { ExportError } from '../model/errors.ts';
import { EXPORT_FORMATS } from '../model/export-format.ts';
import { awsFailure } from './aws-errors.ts';

export interface GluePlace {
  readonly client: GlueClient;
  readonly database: string;
  readonly bucket: string;
  /** For tests. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * A wait between dependent changes. Athena looks up the partitions of one table after another when it plans a query; without
 * the wait, a query could see the later change but not the earlier one, and find an export empty.
 */
const SETTLE_MS = 5_000;

/** The parameter of a newest run's partition that orders runs of the same day. */
const PUBLISHED_AT = 'published_at';

/**
 * Published runs as partitions of the Glue tables.
 *
 * The partition of `export_runs` is added last and removed first. The views join it, so a run becomes visible complete and at
 * one moment. Then the previous newest run is removed from the tables of the newest runs, so that `accounts_latest` reads
 * only what it shows.
 * Needs glue:BatchCreatePartition, glue:GetPartition, glue:GetPartitions and glue:DeletePartition.
 */
export function glueCatalog({ client, database, bucket, sleep = setTimeout }: GluePlace): Catalog {
  const tables = new Map(tableDefinitions([]).map((table) => [table.name, table]));

  /** @param change what differs from the definition of the table */
  async function add(
    tableName: string,
    values: readonly string[],
    prefix: string,
    change: { readonly csvColumns?: readonly string[] | undefined; readonly publishedAt?: string } = {},
  ): Promise<void> {
    const table = tables.get(tableName);
    if (!table) throw new Error(`Unknown table ${tableName}: this is a defect.`);
    const location = `s3://${bucket}/${prefix}`;
    const what = `Adding the partition ${values.join('/')} to ${database}.${tableName}`;
    // A partition keeps the columns that its parts were written with, even if the table has more by now.
    const columns = change.csvColumns ? csvColumns(change.csvColumns) : table.columns;
    const partition: PartitionInput = {
      Values: [...values],
      Parameters: { ...table.parameters, ...(change.publishedAt && { [PUBLISHED_AT]: change.publishedAt }) },
      StorageDescriptor: {
        Location: location,
        Columns: columns.map(({ name, type }) => ({ Name: name, Type: type })),
        InputFormat: table.inputFormat,
        OutputFormat: table.outputFormat,
        SerdeInfo: { SerializationLibrary: table.serde.library, Parameters: { ...table.serde.parameters } },
      },
    };
    const request = { DatabaseName: database, TableName: tableName, PartitionInputList: [partition] };
    const { Errors: [failed] = [] } = await client
      .send(new BatchCreatePartitionCommand(request))
      .catch((error: unknown) => {
        throw awsFailure(what, error);
      });
    // Errors of single partitions come with status 200.
    if (!failed) return;
    const { ErrorCode = 'unknown error', ErrorMessage } = failed.ErrorDetail ?? {};
    if (ErrorCode !== 'AlreadyExistsException') throw awsFailure(what, { name: ErrorCode, message: ErrorMessage });
    const { Location: existing = 'unknown' } = (await get(tableName, values, what))?.StorageDescriptor ?? {};
    if (existing.replace(/\/$/, '') === location.replace(/\/$/, '')) return;
    throw new ExportError(
      'ConfigError',
      `Partition ${values.join('/')} of ${database}.${tableName} already exists with another location (${existing}, expected ${location}): delete that partition, then resume the run.`,
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

  /**
   * Removes all but the newest run of an export from the tables of the newest runs: the run due on the latest day, and among
   * those the one published last. Ignores runs that are not visible yet, because removing the visible run before them would
   * leave nothing.
   */
  async function keepNewest(exportName: string): Promise<void> {
    const what = `Finding the newest run of "${exportName}" in ${database}`;
    const found: { table: string; values: readonly string[]; rank: string }[] = [];
    for (const table of EXPORT_FORMATS.map(newestName)) {
      const request = { DatabaseName: database, TableName: table, Expression: `export_name = '${exportName}'` };
      try {
        for await (const { Partitions = [] } of paginateGetPartitions({ client }, request)) {
          for (const { Values = [], Parameters = {} } of Partitions) {
            // Never removes a run of another export, even if the filter of Glue returns it.
            if (Values[0] !== exportName) continue;
            found.push({ table, values: Values, rank: `${Values[1]} ${Parameters[PUBLISHED_AT]} ${Values[2]}` });
          }
        }
      } catch (error) {
        throw awsFailure(what, error);
      }
    }
    const visible: typeof found = [];
    for (const one of found) if (await get(RUNS_TABLE, one.values.slice(-1), what)) visible.push(one);
    const [, ...older] = visible.sort((a, b) => (a.rank < b.rank ? 1 : -1));
    if (older.length > 0) await sleep(SETTLE_MS);
    for (const { table, values } of older) await remove(table, values);
  }

  return {
    database,
    async addRun(run) {
      const { csvColumns, publishedAt } = run;
      await add(tableName(run.format), valuesOf(run), partsPrefix(run), { csvColumns });
      await add(newestName(run.format), valuesOf(run), partsPrefix(run), { csvColumns, publishedAt });
      await sleep(SETTLE_MS);
      await add(RUNS_TABLE, [run.runId], manifestKey(run.runId).replace(/[^/]+$/, ''));
      // The run is visible now. An older run that remains costs time in queries until the next run removes it.
      await keepNewest(run.exportName).catch(() => undefined);
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

function isNotFound(error: unknown): boolean {
  return (error as Error).name === 'EntityNotFoundException';
}
