import { CfnNamedQuery, CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import { CfnDatabase, CfnTable } from 'aws-cdk-lib/aws-glue';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { hiveTypeOf, prestoViewText } from '../../functions/catalog/presto-view.ts';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { type TableColumn, type TableDefinition, tableDefinitions } from '../../functions/catalog/tables.ts';
import type { ViewDefinition } from '../../functions/catalog/view-definition.ts';
import { viewDefinitions } from '../../functions/catalog/views.ts';

export interface AccountCatalogProps {
  readonly bucket: IBucket;
  /** Name of the Glue database and of the workgroup. */
  readonly databaseName: string;
  /** Attribute columns of the CSV table. */
  readonly attributeColumns: readonly string[];
  /** Attributes that any export names; the views have them for every account. */
  readonly attributeNames: readonly string[];
  /** Athena cancels queries of the workgroup that scan more. */
  readonly scanLimitGb: number;
  /** Encrypts the results of queries. @default S3-managed encryption */
  readonly encryptionKey?: IKey | undefined;
}

/** Where Athena writes query results; they expire. */
export const RESULTS_PREFIX = 'athena-results/';

/** The Glue database with its tables and views, and the Athena workgroup with the saved queries. */
export class AccountCatalog extends Construct {
  readonly database: CfnDatabase;
  readonly workgroup: CfnWorkGroup;

  constructor(scope: Construct, id: string, props: AccountCatalogProps) {
    super(scope, id);
    this.database = new CfnDatabase(this, 'Database', {
      catalogId: Stack.of(this).account,
      databaseInput: {
        name: props.databaseName,
        description: 'Personalization accounts, exported by Account Export',
        // IAM policies alone decide who may use the tables, as where Lake Formation is not used. Without it, an account whose
        // administrator turned that default off needs a grant on every table for every role, the stack's own roles included.
        // Source: Lake Formation developer guide, "Changing the default settings for your data lake"; CloudFormation,
        // "AWS::Glue::Database DatabaseInput", CreateTableDefaultPermissions.
        createTableDefaultPermissions: [
          { permissions: ['ALL'], principal: { dataLakePrincipalIdentifier: 'IAM_ALLOWED_PRINCIPALS' } },
        ],
      },
    });
    for (const table of tableDefinitions(props.attributeColumns)) this.addTable(table, props.bucket);
    for (const view of viewDefinitions(props.attributeColumns, props.attributeNames))
      this.addView(view, props.databaseName);

    this.workgroup = new CfnWorkGroup(this, 'Workgroup', {
      name: props.databaseName,
      description: 'Queries over the exports of Account Export',
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: props.scanLimitGb * 1_000_000_000,
        engineVersion: { selectedEngineVersion: 'Athena engine version 3' },
        resultConfiguration: {
          outputLocation: `s3://${props.bucket.bucketName}/${RESULTS_PREFIX}`,
          encryptionConfiguration: props.encryptionKey
            ? { encryptionOption: 'SSE_KMS', kmsKey: props.encryptionKey.keyArn }
            : { encryptionOption: 'SSE_S3' },
          expectedBucketOwner: Stack.of(this).account,
        },
      },
    });
    for (const [i, { name, description, sql }] of SAVED_QUERIES.entries()) {
      const query = new CfnNamedQuery(this, `Query${i + 1}`, {
        name,
        description,
        database: props.databaseName,
        workGroup: this.workgroup.name,
        queryString: sql,
      });
      query.addResourceDependency(this.workgroup);
      query.addResourceDependency(this.database);
    }
  }

  private addTable(table: TableDefinition, bucket: IBucket): void {
    new CfnTable(this, idOf(table.name), {
      catalogId: Stack.of(this).account,
      databaseName: this.database.ref,
      tableInput: {
        name: table.name,
        description: table.description,
        tableType: 'EXTERNAL_TABLE',
        parameters: { EXTERNAL: 'TRUE', ...table.parameters },
        partitionKeys: table.partitionKeys.map(columnOf),
        storageDescriptor: {
          columns: table.columns.map(columnOf),
          location: `s3://${bucket.bucketName}/${table.prefix}`,
          inputFormat: table.inputFormat,
          outputFormat: table.outputFormat,
          serdeInfo: { serializationLibrary: table.serde.library, parameters: table.serde.parameters },
        },
      },
    });
  }

  private addView(view: ViewDefinition, databaseName: string): void {
    new CfnTable(this, idOf(view.name), {
      catalogId: Stack.of(this).account,
      databaseName: this.database.ref,
      tableInput: {
        name: view.name,
        description: view.description,
        tableType: 'VIRTUAL_VIEW',
        parameters: { presto_view: 'true', comment: 'Presto View' },
        // Athena reports a broken table without this list.
        partitionKeys: [],
        storageDescriptor: {
          columns: view.columns.map(({ name, type, comment }) => ({ name, type: hiveTypeOf(type), comment })),
          location: '',
          serdeInfo: {},
        },
        viewOriginalText: prestoViewText(view, databaseName),
        viewExpandedText: '/* Presto View */',
      },
    });
  }
}

function columnOf({ name, type, comment }: TableColumn): CfnTable.ColumnProperty {
  return { name, type, comment };
}

/** `accounts_json` becomes `AccountsJson`. */
function idOf(name: string): string {
  return name.replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
