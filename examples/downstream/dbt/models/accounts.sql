{{ config(materialized='table') }}

{# A manifest is written when a run is published, so a run without one is not read. #}
{% set newest %}
SELECT list_transform(parts, lambda part: '{{ var("root") }}/' || part.key)
FROM read_json(
  '{{ var("root") }}/export_runs/run_id=*/manifest.json',
  columns = {
    exportName: 'VARCHAR', runId: 'VARCHAR', dueAt: 'VARCHAR', publishedAt: 'VARCHAR',
    parts: 'STRUCT(key VARCHAR)[]'
  }
)
WHERE exportName = '{{ var("export_name") }}'
-- A backfilled day does not replace a newer one.
ORDER BY substr(dueAt, 1, 10) DESC, publishedAt DESC, runId DESC
LIMIT 1
{% endset %}
{% set parts = run_query(newest).rows[0][0] if execute else [] %}

SELECT * EXCLUDE (superseded, filename)
FROM read_parquet({{ parts }}, filename = true, hive_partitioning = false)
WHERE superseded IS NULL
-- An account that changed during the run can occur twice: the later record is current.
QUALIFY name IS NULL OR row_number() OVER (PARTITION BY name ORDER BY filename DESC) = 1
