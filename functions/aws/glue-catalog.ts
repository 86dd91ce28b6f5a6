import { setTimeout } from 'node:timers/promises';
import {
  BatchCreatePartitionCommand,
  DeletePartitionCommand,
  GetPartitionCommand,
  type GlueClient,
  type PartitionInput,
  paginateGetPartitions,
} from '@aws-sdk/client-glue';
import {
  csvColumns,
  newestName,
  RUNS_TABLE,
  type TableDefinition,
  tableDefinitions,
  tableName,
} from '../catalog/tables.ts';
import type { Catalog, PublishedRun } from '../export/ports.ts';
import { manifestKey, partsPrefix } from '../export/storage/bucket-layout.ts';
import { ExportError } from '../model/errors.ts';
import { awsFailure } from './aws-errors.ts';

export interface GluePlace {
  readonly client: GlueClient;
  readonly database: string;
  readonly bucket: string;
  /** For tests. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * Between the steps of showing a run. A query looks up the partitions of one table after another while it is planned; one
 * that found a step of ours done and the step before it not would find an export empty.
 */
const SETTLE_MS = 5_000;

/**
 * Published runs as partitions of the Glue tables.
 *
 * The partition of `export_runs` comes last, and goes first: the views join it, so that a run shows in them at one moment,
 * whole, and never without its accounts. What was the newest run before is then taken out of the tables of the newest runs,
 * so that `accounts_latest` reads no more than it shows.
 * Needs glue:BatchCreatePartition, glue:GetPartition, glue:GetPartitions and glue:DeletePartition.
 */
export function glueCatalog({ client, database, bucket, sleep = setTimeout }: GluePlace): Catalog {
  async function add(
    table: TableDefinition,
    values: readonly string[],
    prefix: string,
    columns = table.columns,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const location = `s3://${bucket}/${prefix}`;
    const what = `Adding the partition ${values.join('/')} to ${database}.${table.name}`;
    const input: PartitionInput = {
      Values: [...values],
      Parameters: { ...table.parameters, ...parameters },
      StorageDescriptor: {
        Location: location,
        // A partition keeps the columns its parts were written with, also when the table has got more since.
        Columns: columns.map(({ name, type }) => ({ Name: name, Type: type })),
        InputFormat: table.inputFormat,
        OutputFormat: table.outputFormat,
        SerdeInfo: { SerializationLibrary: table.serde.library, Parameters: { ...table.serde.parameters } },
      },
    };
    const request = { DatabaseName: database, TableName: table.name, PartitionInputList: [input] };
    // Failures of single partitions come with status 200.
    const { Errors: [failed] = [] } = await client
      .send(new BatchCreatePartitionCommand(request))
      .catch((error: unknown) => {
        throw awsFailure(what, error);
      });
    const { ErrorCode, ErrorMessage } = failed?.ErrorDetail ?? {};
    if (!failed) return;
    if (ErrorCode !== 'AlreadyExistsException') {
      throw awsFailure(what, { name: ErrorCode ?? 'unknown error', message: ErrorMessage });
    }
    await refuseOtherPlace(table.name, values, location, what);
  }

  /** A partition that is there already is ours when it lies where we would have put it. */
  async function refuseOtherPlace(
    table: string,
    values: readonly string[],
    location: string,
    what: string,
  ): Promise<void> {
    const request = { DatabaseName: database, TableName: table, PartitionValues: [...values] };
    const { Partition } = await client.send(new GetPartitionCommand(request)).catch((error: unknown) => {
      throw awsFailure(what, error);
    });
    const there = Partition?.StorageDescriptor?.Location;
    if (there?.replace(/\/$/, '') === location.replace(/\/$/, '')) return;
    throw new ExportError(
      'ConfigError',
      `${what} failed: it is there already and points to ${there}, not to ${location}. Remove that partition and start the run again.`,
    );
  }

  async function remove(table: string, values: readonly string[]): Promise<void> {
    const what = `Removing the partition ${values.join('/')} from ${database}.${table}`;
    const request = { DatabaseName: database, TableName: table, PartitionValues: [...values] };
    try {
      await client.send(new DeletePartitionCommand(request));
    } catch (error) {
      // Whoever was cut off before has taken it away already.
      if ((error as Error).name !== 'EntityNotFoundException') throw awsFailure(what, error);
    }
  }

  /**
   * Leaves in the tables of the newest runs only the one that the views take for the newest: due on the latest day, and of
   * one day published last. A run that is being published beside this one is left alone: it is not shown yet, and taking
   * its forerunner away now would leave nothing to show.
   */
  async function keepNewest(exportName: string): Promise<void> {
    const what = `Finding the newest run of "${exportName}" in ${database}`;
    const found: { table: string; values: readonly string[]; rank: string }[] = [];
    for (const format of FORMATS) {
      const request = {
        DatabaseName: database,
        TableName: newestName(format),
        Expression: `export_name = '${exportName}'`,
      };
      try {
        for await (const { Partitions = [] } of paginateGetPartitions({ client }, request)) {
          for (const { Values = [], Parameters = {} } of Partitions) {
            // Whatever the filter let through: the newest run of another export is never taken away.
            if (Values[0] !== exportName) continue;
            found.push({
              table: newestName(format),
              values: Values,
              rank: `${Values[1]} ${Parameters[PUBLISHED_AT]} ${Values[2]}`,
            });
          }
        }
      } catch (error) {
        throw awsFailure(what, error);
      }
    }
    const shown: typeof found = [];
    for (const one of found) if (await isThere(RUNS_TABLE, one.values.slice(-1), what)) shown.push(one);
    const [, ...older] = shown.sort((a, b) => (a.rank < b.rank ? 1 : -1));
    if (older.length > 0) await sleep(SETTLE_MS);
    for (const { table, values } of older) await remove(table, values);
  }

  async function isThere(table: string, values: readonly string[], what: string): Promise<boolean> {
    try {
      await client.send(
        new GetPartitionCommand({ DatabaseName: database, TableName: table, PartitionValues: [...values] }),
      );
      return true;
    } catch (error) {
      if ((error as Error).name === 'EntityNotFoundException') return false;
      throw awsFailure(what, error);
    }
  }

  return {
    database,
    async addRun(run) {
      const tables = new Map(tableDefinitions([]).map((table) => [table.name, table]));
      const [accounts, newest, runs] = [tableName(run.format), newestName(run.format), RUNS_TABLE].map((name) =>
        tables.get(name),
      );
      if (!accounts || !newest || !runs) return;
      const columns = run.csvColumns ? csvColumns(run.csvColumns) : accounts.columns;
      await add(accounts, valuesOf(run), partsPrefix(run), columns);
      await add(newest, valuesOf(run), partsPrefix(run), columns, { [PUBLISHED_AT]: run.publishedAt });
      await sleep(SETTLE_MS);
      await add(runs, [run.runId], manifestKey(run.runId).replace(/[^/]+$/, ''));
      // The run is shown from here on: what is left over costs a scan and shows no row, and the next run takes it away.
      await keepNewest(run.exportName).catch(() => undefined);
    },

    async removeRun(run) {
      await remove(RUNS_TABLE, [run.runId]);
      await remove(newestName(run.format), valuesOf(run));
      await remove(tableName(run.format), valuesOf(run));
    },
  };
}

const FORMATS = ['json', 'csv', 'parquet'] as const;
/** Kept with a partition of the newest runs, to tell which of one day's runs was published last. */
const PUBLISHED_AT = 'published_at';

function valuesOf({ exportName, exportDate, runId }: PublishedRun): string[] {
  return [exportName, exportDate, runId];
}
