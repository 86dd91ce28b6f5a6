import { runsSql } from '../../functions/catalog/runs-view.ts';

/** The view `runs` in DuckDB, on the table `export_runs`. */
export const LOCAL_RUNS_VIEW = `CREATE VIEW runs AS ${runsSql({
  time: (sql) => `CAST(CAST(${sql} AS TIMESTAMP) AS TIMESTAMP_MS)`,
  // As in Athena, a time outside the years 1 to 9999 is NULL.
  epochMs: (sql) =>
    `CASE WHEN ${sql} BETWEEN -62135596800000 AND 253402300799999 THEN CAST(make_timestamp(${sql} * 1000) AS TIMESTAMP_MS) END`,
})}`;
