import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { parquetMetadata, parquetSchema } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { hiveNames } from '../../functions/catalog/hive-names.ts';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { VIEW_COLUMNS } from '../../functions/catalog/views.ts';
import { partKey } from '../../functions/export/storage/bucket-layout.ts';
import { account, arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';

interface TableInput {
  readonly Name: string;
  readonly TableType: string;
  readonly Parameters: Record<string, string>;
  readonly PartitionKeys: { Name: string; Type: string; Comment: string }[];
  readonly StorageDescriptor: {
    Columns: { Name: string; Type: string; Comment: string }[];
    Location: unknown;
    SerdeInfo: { SerializationLibrary: string; Parameters: Record<string, string> };
  };
  readonly ViewOriginalText: string;
}

const template = synthesized();
const tables = new Map(
  Object.values(template.findResources('AWS::Glue::Table')).map(({ Properties }) => [
    Properties.TableInput.Name as string,
    Properties.TableInput as TableInput,
  ]),
);
const columnsOf = (name: string) => tables.get(name)?.StorageDescriptor.Columns.map(({ Name }) => Name) ?? [];

/** The parts of a run with the attribute columns of the configuration. */
async function partsOf(format: 'json' | 'csv' | 'parquet'): Promise<[key: string, body: Buffer][]> {
  const list = [account('a', ',"engagementScore":0.5,"attributes":{"x":"y"}'), account('b'), account('a')];
  const { store, objects } = memoryStore();
  const { api } = arrayApi({ list });
  await runSteps(api, store).all({ format, attributeColumns: ['industry'] });
  return [...objects].filter(([key]) => key.startsWith(`accounts_${format}/`));
}

describe('the Glue tables', () => {
  it('have the folders of parts as partition keys', async () => {
    for (const format of ['json', 'csv', 'parquet'] as const) {
      const [[key = ''] = []] = await partsOf(format);
      const folders = key
        .split('/')
        .slice(1, -1)
        .map((folder) => folder.split('=')[0]);
      expect(folders).toEqual(['export_name', 'export_date', 'run_id']);
      for (const table of [`accounts_${format}`, `newest_${format}`]) {
        expect(tables.get(table)?.PartitionKeys.map(({ Name }) => Name)).toEqual(folders);
        expect(JSON.stringify(tables.get(table)?.StorageDescriptor.Location)).toContain(`/accounts_${format}/`);
      }
    }
    expect(tables.get('export_runs')?.PartitionKeys.map(({ Name }) => Name)).toEqual(['run_id']);
    expect(partKey({ format: 'json', exportName: 'e', exportDate: '2026-08-22', runId: 'r' }, 0).split('/')[0]).toBe(
      'accounts_json',
    );
  });

  it('have the columns of CSV parts, in the same order', async () => {
    const [[, body = Buffer.alloc(0)] = []] = await partsOf('csv');
    const [columns = []] = parse(gunzipSync(body).toString()) as string[][];
    expect(hiveNames(columns)).toEqual([
      'name',
      'engagementscore',
      'engagementpercentchange',
      'firstactivity',
      'lastactivity',
      'totalactions',
      'accountstatus',
      'segmentjoined',
      'superseded',
      'industry',
    ]);
    expect(columnsOf('accounts_csv')).toEqual(hiveNames(columns));
    expect(new Set(tables.get('accounts_csv')?.StorageDescriptor.Columns.map(({ Type }) => Type))).toEqual(
      new Set(['string']),
    );
    expect(tables.get('accounts_csv')).toMatchObject({
      Parameters: { 'skip.header.line.count': '1', EXTERNAL: 'TRUE' },
      StorageDescriptor: {
        SerdeInfo: {
          SerializationLibrary: 'org.apache.hadoop.hive.serde2.OpenCSVSerde',
          Parameters: { separatorChar: ',', quoteChar: '"', escapeChar: '\\' },
        },
      },
    });
  });

  it('have the columns of Parquet parts, in the same order', async () => {
    const [[, body = Buffer.alloc(0)] = []] = await partsOf('parquet');
    const { children } = parquetSchema(parquetMetadata(new Uint8Array(body).buffer));
    expect(columnsOf('accounts_parquet')).toEqual(children.map(({ element }) => element.name));
  });

  it('have a column for each key of JSON parts, in lower case', async () => {
    const [[, body = Buffer.alloc(0)] = []] = await partsOf('json');
    const keys = gunzipSync(body)
      .toString()
      .trim()
      .split('\n')
      .flatMap((line) => Object.keys(JSON.parse(line) as object));
    expect(new Set(keys)).toEqual(new Set(['name', 'engagementScore', 'attributes', 'superseded']));
    for (const key of keys) expect(columnsOf('accounts_json')).toContain(key.toLowerCase());
    expect(tables.get('accounts_json')?.StorageDescriptor.SerdeInfo.SerializationLibrary).toBe(
      'org.apache.hive.hcatalog.data.JsonSerDe',
    );
  });

  it('describe every column and partition', () => {
    for (const { TableType, PartitionKeys, StorageDescriptor } of tables.values()) {
      if (TableType === 'VIRTUAL_VIEW') continue;
      for (const { Comment } of [...PartitionKeys, ...StorageDescriptor.Columns])
        expect(Comment.length).toBeGreaterThan(5);
    }
  });

  it('hold the columns of all CSV exports in one table', () => {
    const exports = [
      ...CONFIG.exports,
      {
        name: 'apac',
        datasetId: 'engage',
        format: 'csv',
        attributeColumns: ['industry', 'Annual Revenue', 'annual_revenue'],
      },
    ];
    const other = synthesized({ exports }).findResources('AWS::Glue::Table', {
      Properties: { TableInput: { Name: 'accounts_csv' } },
    });
    const [{ Properties } = { Properties: {} as never }] = Object.values(other);
    const names = (Properties.TableInput as TableInput).StorageDescriptor.Columns.map(({ Name }) => Name);
    expect(names.slice(-3)).toEqual(['industry', 'annual_revenue', 'annual_revenue_2']);
  });
});

it('lets IAM policies alone decide about the tables, with and without Lake Formation', () => {
  template.hasResourceProperties('AWS::Glue::Database', {
    DatabaseInput: {
      CreateTableDefaultPermissions: [
        { Permissions: ['ALL'], Principal: { DataLakePrincipalIdentifier: 'IAM_ALLOWED_PRINCIPALS' } },
      ],
    },
  });
});

describe('the views', () => {
  it.each(['accounts_latest', 'accounts_history'])('%s has the format of an Athena view', (name) => {
    const view = tables.get(name);
    expect(view).toMatchObject({
      TableType: 'VIRTUAL_VIEW',
      Parameters: { presto_view: 'true', comment: 'Presto View' },
      PartitionKeys: [],
    });
    const encoded = /^\/\* Presto View: ([A-Za-z0-9+/=]+) \*\/$/.exec(view?.ViewOriginalText ?? '')?.[1] ?? '';
    const { originalSql, catalog, schema, columns } = JSON.parse(Buffer.from(encoded, 'base64').toString());
    expect({ catalog, schema }).toEqual({ catalog: 'awsdatacatalog', schema: 'account_export' });
    expect(columns).toEqual(VIEW_COLUMNS.map(({ name: column, type }) => ({ name: column, type })));
    expect(originalSql).toContain(name === 'accounts_latest' ? 'FROM newest_json a' : 'FROM accounts_json a');
    expect(view?.StorageDescriptor.Columns.map(({ Type }) => Type)).toEqual([
      'string',
      'string',
      'string',
      'timestamp',
      'string',
      'double',
      'double',
      'timestamp',
      'timestamp',
      'bigint',
      'string',
      'map<string,string>',
      'timestamp',
      'map<string,string>',
    ]);
  });
});

it('the view runs has the types of Athena in the console, too', () => {
  const columns = tables.get('runs')?.StorageDescriptor.Columns ?? [];
  const typeOf = (name: string) => columns.find(({ Name }) => Name === name)?.Type;
  expect(['verdict', 'published_at', 'seconds', 'records', 'unmapped_columns'].map(typeOf)).toEqual([
    'string',
    'timestamp',
    'double',
    'bigint',
    'array<string>',
  ]);
});

describe('the workgroup', () => {
  it('encrypts query results and limits the bytes that a query scans', () => {
    template.hasResourceProperties('AWS::Athena::WorkGroup', {
      WorkGroupConfiguration: {
        EnforceWorkGroupConfiguration: true,
        BytesScannedCutoffPerQuery: 100_000_000_000,
        ResultConfiguration: { EncryptionConfiguration: { EncryptionOption: 'SSE_S3' } },
      },
    });
    expect(JSON.stringify(template.findResources('AWS::Athena::WorkGroup'))).toContain('/athena-results/');
  });

  it('has all saved queries', () => {
    const queries = Object.values(template.findResources('AWS::Athena::NamedQuery')).map(
      ({ Properties }) => Properties.Name,
    );
    expect(queries.sort()).toEqual(SAVED_QUERIES.map(({ name }) => name).sort());
  });
});

it('deletes expired runs once a day', () => {
  template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(1 day)', State: 'ENABLED' });
});
