-- The newest accounts of an export as the table accounts:
--   duckdb accounts.duckdb \
--     -cmd "SET VARIABLE root = './out'; SET VARIABLE export_name = 'all-accounts'" \
--     -f newest_duckdb.sql
-- For S3, first: INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);

-- A manifest is written when a run is published, so a run without one is not read.
SET VARIABLE parts = (
  SELECT list_transform(parts, lambda part: getvariable('root') || '/' || part.key)
  FROM read_json(
    getvariable('root') || '/export_runs/run_id=*/manifest.json',
    columns = {
      exportName: 'VARCHAR', runId: 'VARCHAR', dueAt: 'VARCHAR', publishedAt: 'VARCHAR',
      parts: 'STRUCT(key VARCHAR)[]'
    }
  )
  WHERE exportName = getvariable('export_name')
  -- A backfilled day does not replace a newer one.
  ORDER BY substr(dueAt, 1, 10) DESC, publishedAt DESC, runId DESC
  LIMIT 1
);

CREATE OR REPLACE TABLE accounts AS
SELECT * EXCLUDE (superseded, filename)
FROM read_parquet(getvariable('parts'), filename = true, hive_partitioning = false)
WHERE superseded IS NULL
-- An account that changed during the run can occur twice: the later record is current.
QUALIFY name IS NULL OR row_number() OVER (PARTITION BY name ORDER BY filename DESC) = 1;
