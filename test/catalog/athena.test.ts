/**
 * What whole runs wrote, read through tables and views on a real engine: Trino, which Athena's engine 3 is built
 * on, over a small S3 that writes down what is read.
 */
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3ObjectStore } from '../../functions/aws/s3-object-store.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS, viewDefinitions } from '../../functions/catalog/views.ts';
import { exportPage } from '../../functions/export/page/export-page.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type { Catalog, ObjectStore, PublishedRun } from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish/publish-run.ts';
import type { PlanResult } from '../../functions/model/outcomes.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { ATTRIBUTES } from '../../simulator/accounts.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { expectedFromCsv, expectedFromJson } from '../support/expected-account.ts';
import { runSteps, STARTED_AT } from '../support/run-steps.ts';
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts';
import { startTrino, type Trino, trinoMissing } from '../trino/trino.ts';
import { createTableInTrino } from '../trino/trino-ddl.ts';

const missing = await trinoMissing();
if (missing !== undefined) process.stdout.write(`Athena's tables and views are not tried on Trino: ${missing}.\n`);

const ACCOUNTS = 12_431;
const COLUMNS = VIEW_COLUMNS.slice(4, 12).map(({ name }) => name);

describe.skipIf(missing !== undefined)('on Trino', () => {
  let s3: SmallS3;
  let client: S3Client;
  let store: ObjectStore;
  let trino: Trino;
  let simulator: Simulator;

  beforeAll(async () => {
    s3 = await startSmallS3(['exports']);
    client = new S3Client({
      endpoint: s3.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    store = s3ObjectStore({ client, bucket: 'exports' });
    simulator = await startSimulator({ accounts: ACCOUNTS });
    trino = await startTrino(s3.url);
    for (const table of tableDefinitions([...ATTRIBUTES])) await trino.query(createTableInTrino(table, 'exports'));
    for (const view of viewDefinitions([...ATTRIBUTES], [...ATTRIBUTES]))
      await trino.query(`CREATE VIEW ${view.name} AS ${view.sql}`);
  }, 180_000);

  afterAll(async () => {
    await trino?.close();
    client?.destroy();
    await simulator?.close();
    await s3?.close();
  });

  /** Partitions as the Glue catalog adds and removes them; there, tests of its own hold it to that. */
  const catalog: Catalog = {
    addRun: async (run) => {
      await addAccounts(run);
      await addRunRow(run.runId);
      await keepNewest(run);
    },
    removeRun: async () => undefined,
  };
  const newest = new Map<string, PublishedRun>();
  const keepNewest = async (run: PublishedRun) => {
    const before = newest.get(run.exportName);
    newest.set(run.exportName, run);
    if (before)
      await trino.query(`CALL hive.system.unregister_partition(${partitionOf(before, `newest_${before.format}`)})`);
  };
  const partitionOf = ({ exportName, exportDate, runId }: PublishedRun, table: string) =>
    `'exports', '${table}', ARRAY['export_name', 'export_date', 'run_id'], ARRAY['${exportName}', '${exportDate}', '${runId}']`;
  const addAccounts = async (run: PublishedRun) => {
    for (const table of ['accounts', 'newest']) {
      const location = `s3://exports/accounts_${run.format}/export_name=${run.exportName}/export_date=${run.exportDate}/run_id=${run.runId}`;
      await trino.query(
        `CALL hive.system.register_partition(${partitionOf(run, `${table}_${run.format}`)}, '${location}')`,
      );
    }
  };
  const addRunRow = (runId: string) =>
    trino.query(`CALL hive.system.register_partition('exports', 'export_runs', ARRAY['run_id'], ARRAY['${runId}'])`);

  /** A whole run against the simulator, published to Trino. */
  async function published(runId: string, request: object, useCatalog = catalog): Promise<PublishedRun> {
    const api = createAccountsApi({
      baseUrl: simulator.url,
      credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
    });
    const added: PublishedRun[] = [];
    const remembering: Catalog = {
      ...useCatalog,
      addRun: async (run) => {
        added.push(run);
        await useCatalog.addRun(run);
      },
    };
    try {
      const plan = (await planExport(
        { api, store, executions: { isRunning: async () => false } },
        {
          runId,
          execution: runId,
          startedAt: STARTED_AT,
          request: { datasetId: 'engage', ...request },
          exports: [],
          concurrency: 8,
        },
      )) as PlanResult;
      for (const page of plan.pageNumbers) await exportPage({ api, store }, { page, run: plan.run });
      await publishRun(
        { api, store, catalog: remembering, clock: { now: Date.now } },
        { run: plan.run, release: false },
      );
    } finally {
      await api.close();
    }
    const [run] = added;
    if (!run) throw new Error('nothing was published');
    return run;
  }

  const objectOf = (row: readonly unknown[]) =>
    withoutNulls(Object.fromEntries(row.map((value, i) => [COLUMNS[i], value])));
  /** The views give attributes that an account lacks as NULL. */
  const withoutNulls = (one: object) => {
    const { attributes = {}, ...others } = one as { attributes?: object };
    return {
      ...others,
      attributes: Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null)),
    };
  };

  it.each(['json', 'csv', 'parquet'] as const)('gives back every value of %s as it was sent', async (format) => {
    await published(`nasty-${format}`, { exportName: `nasty-${format}`, format, attributeColumns: [...ATTRIBUTES] });
    const rows = await trino.query(
      `SELECT ${COLUMNS.join(', ')} FROM accounts_latest WHERE export_name = 'nasty-${format}'`,
    );
    const byName = new Map(rows.map((row) => [row[0], objectOf(row)]));
    expect(byName.size).toBe(ACCOUNTS);
    for (let i = 0; i < ACCOUNTS; i++) {
      const expected =
        format === 'csv' ? expectedFromCsv(simulator.tenant, i, ATTRIBUTES) : expectedFromJson(simulator.tenant, i);
      expect(byName.get(expected.name), `account ${i}`).toEqual(withoutNulls(expected));
    }
  });

  it("answers attributes['x'] also where accounts lack x", async () => {
    const rows = await trino.query(
      "SELECT attributes['note'], count(*) FROM accounts_latest WHERE export_name LIKE 'nasty-%' GROUP BY 1",
    );
    expect(rows.length).toBeGreaterThan(5);
    await expect(trino.query("SELECT attributes['unheard of'] FROM accounts_latest")).rejects.toThrow(
      'Key not present in map',
    );
    expect(await trino.query("SELECT count(element_at(attributes, 'unheard of')) FROM accounts_latest")).toEqual([[0]]);
  });

  it('has the columns and types that the views in Glue declare', async () => {
    for (const view of ['accounts_latest', 'accounts_history']) {
      const columns = await trino.query(`SHOW COLUMNS FROM ${view}`);
      expect(columns.map(([name, type]) => `${name} ${String(type).replaceAll(' ', '')}`)).toEqual(
        VIEW_COLUMNS.map(({ name, type }) => `${name} ${type}`),
      );
    }
  });

  it('shows a run only when the last of its partitions is there, and then whole', async () => {
    const counted = () =>
      trino.query("SELECT run_id, count(*) FROM accounts_latest WHERE export_name = 'steps' GROUP BY run_id");
    await published('steps-1', { exportName: 'steps', filter: 'Tier 1 & 2/EMEA' });
    const nothing: Catalog = { addRun: async () => undefined, removeRun: async () => undefined };
    const run = await published('steps-2', { exportName: 'steps', filter: 'Tier 1 & 2/EMEA + ü%' }, nothing);
    expect(await counted()).toEqual([['steps-1', 1243]]);
    await addAccounts(run);
    expect(await counted()).toEqual([['steps-1', 1243]]);
    await addRunRow(run.runId);
    expect(await counted()).toEqual([['steps-2', 3107]]);
    await keepNewest(run);
    expect(await counted()).toEqual([['steps-2', 3107]]);
    expect(await trino.query("SELECT count(*) FROM accounts_history WHERE export_name = 'steps'")).toEqual([[4350]]);
  });

  it('reads the parts of the newest runs only', async () => {
    s3.reads.splice(0);
    await trino.query("SELECT name, engagement_score FROM accounts_latest WHERE export_name = 'steps'");
    const parts = s3.reads.filter((key) => key.startsWith('accounts_'));
    expect(new Set(parts.map((key) => key.split('/').slice(0, -1).join('/')))).toEqual(
      new Set(['accounts_json/export_name=steps/export_date=2026-08-22/run_id=steps-2']),
    );
    s3.reads.splice(0);
    await trino.query('SELECT name FROM accounts_latest');
    expect(s3.reads.filter((key) => key.includes('run_id=steps-1/') && key.startsWith('accounts_'))).toEqual([]);
  });

  it.each(['json', 'csv', 'parquet'])('gives an account that came twice once, the later record: %s', async (format) => {
    const list = [
      ...accounts(9),
      account('between pages', ',"accountStatus":"old"'),
      account('within a page', ',"accountStatus":"old"'),
      account('between pages', ',"accountStatus":"new"'),
      account('within a page', ',"accountStatus":"new"'),
    ];
    const { api } = arrayApi({ list });
    const steps = runSteps(api, store, `twice-${format}`);
    await steps.all({ exportName: `twice-${format}`, format });
    for (const run of steps.partitions) await catalog.addRun(run);
    const rows = await trino.query(
      `SELECT name, account_status FROM accounts_latest WHERE export_name = 'twice-${format}' ORDER BY name LIMIT 100`,
    );
    expect(rows).toHaveLength(11);
    expect(rows.slice(-2)).toEqual([
      ['between pages', format === 'csv' ? null : 'new'],
      ['within a page', format === 'csv' ? null : 'new'],
    ]);
  });

  it('reads the manifests, structs and lists too', async () => {
    const [row] = await trino.query(
      "SELECT exportname, records, consistency.verdict, consistency.accountsbefore, parameters.pagesize, parts[1].records, cardinality(parts), unmappedcolumns FROM export_runs WHERE run_id = 'nasty-json'",
    );
    expect(row).toEqual(['nasty-json', ACCOUNTS, 'consistent', ACCOUNTS, 1000, 1000, 13, ['healthIndex']]);
  });
});
