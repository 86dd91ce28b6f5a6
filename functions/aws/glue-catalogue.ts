import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  GetPartitionCommand,
  type GlueClient,
  type PartitionInput,
} from '@aws-sdk/client-glue';
import { csvColumns, RUNS_TABLE, type TableDefinition, tableDefinitions, tableName } from '../catalog/tables.ts';
import { ExportError } from '../errors.ts';
import { manifestKey, partsPrefix } from '../export/layout.ts';
import type { Catalogue, PublishedRun } from '../export/ports.ts';
import { awsFailure } from './aws-errors.ts';

export interface GluePlace {
  readonly client: GlueClient;
  readonly database: string;
  readonly bucket: string;
}

/**
 * Published runs as partitions of the Glue tables.
 *
 * The partition of `export_runs` comes last, and goes first: the views join it, so that a run shows in them at one moment,
 * whole, and never without its accounts.
 * Needs glue:BatchCreatePartition and glue:GetPartition, and glue:BatchDeletePartition to remove.
 */
export function glueCatalogue({ client, database, bucket }: GluePlace): Catalogue {
  async function add(
    table: TableDefinition,
    values: readonly string[],
    prefix: string,
    columns = table.columns,
  ): Promise<void> {
    const location = `s3://${bucket}/${prefix}`;
    const what = `Adding the partition ${values.join('/')} to ${database}.${table.name}`;
    const input: PartitionInput = {
      Values: [...values],
      Parameters: { ...table.parameters },
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
    const request = { DatabaseName: database, TableName: table, PartitionsToDelete: [{ Values: [...values] }] };
    const { Errors: [failed] = [] } = await client
      .send(new BatchDeletePartitionCommand(request))
      .catch((error: unknown) => {
        throw awsFailure(what, error);
      });
    const code = failed?.ErrorDetail?.ErrorCode;
    if (code !== undefined && code !== 'EntityNotFoundException') throw awsFailure(what, { name: code });
  }

  return {
    async addRun(run) {
      const tables = new Map(tableDefinitions([]).map((table) => [table.name, table]));
      const [accounts, runs] = [tables.get(tableName(run.format)), tables.get(RUNS_TABLE)];
      if (!accounts || !runs) return;
      await add(
        accounts,
        valuesOf(run),
        partsPrefix(run),
        run.csvColumns ? csvColumns(run.csvColumns) : accounts.columns,
      );
      await add(runs, [run.runId], manifestKey(run.runId).replace(/[^/]+$/, ''));
    },

    async removeRun(run) {
      await remove(RUNS_TABLE, [run.runId]);
      await remove(tableName(run.format), valuesOf(run));
    },
  };
}

function valuesOf({ exportName, exportDate, runId }: PublishedRun): string[] {
  return [exportName, exportDate, runId];
}
