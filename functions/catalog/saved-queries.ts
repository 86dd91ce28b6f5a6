/** Queries to start with: saved in the Athena workgroup, shown in the docs, run by the tests. */
export interface SavedQuery {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

export const SAVED_QUERIES: readonly SavedQuery[] = [
  {
    name: 'Newest accounts',
    description: 'The newest published run of each export, each account once',
    sql: `SELECT export_name, export_date, name, engagement_score, last_activity, attributes
FROM accounts_latest
ORDER BY engagement_score DESC, export_name, name
LIMIT 100`,
  },
  {
    name: 'Run history',
    description: 'Every published run: number of accounts, duration, verdict',
    sql: `SELECT
  exportname AS export_name, run_id, dueat AS due_at, records, duplicates,
  consistency.verdict AS verdict, recordsfetched AS records_fetched,
  date_diff('second', from_iso8601_timestamp(startedat), from_iso8601_timestamp(publishedat)) AS seconds
FROM export_runs
ORDER BY publishedat DESC
LIMIT 100`,
  },
  {
    name: 'Changes since the previous run',
    description: 'Accounts added, removed or changed between the two newest published runs of each export',
    sql: `WITH runs AS (
  SELECT run_id, exportname AS export_name, row_number() OVER (
    PARTITION BY exportname ORDER BY substr(dueat, 1, 10) DESC, publishedat DESC, run_id DESC
  ) AS age
  FROM export_runs
),
older AS (
  SELECT h.* FROM accounts_history h JOIN runs r ON h.run_id = r.run_id WHERE r.age = 2 AND h.name IS NOT NULL
),
newer AS (
  SELECT l.* FROM accounts_latest l JOIN runs r ON l.export_name = r.export_name WHERE r.age = 2 AND l.name IS NOT NULL
)
SELECT
  coalesce(n.export_name, o.export_name) AS export_name,
  coalesce(n.name, o.name) AS name,
  CASE WHEN o.name IS NULL THEN 'added' WHEN n.name IS NULL THEN 'removed' ELSE 'changed' END AS change
FROM newer n
FULL OUTER JOIN older o ON n.export_name = o.export_name AND n.name = o.name
WHERE o.name IS NULL OR n.name IS NULL
  OR n.engagement_score IS DISTINCT FROM o.engagement_score
  OR n.total_actions IS DISTINCT FROM o.total_actions
  OR n.account_status IS DISTINCT FROM o.account_status
  OR n.attributes IS DISTINCT FROM o.attributes
ORDER BY export_name, name
LIMIT 1000`,
  },
  {
    name: 'Largest engagement changes',
    description: 'Accounts with the largest changes of the engagement score within the statistics window',
    sql: `SELECT export_name, name, engagement_score, engagement_percent_change
FROM accounts_latest
WHERE engagement_percent_change IS NOT NULL
ORDER BY abs(engagement_percent_change) DESC, export_name, name
LIMIT 50`,
  },
  {
    name: 'Attribute coverage',
    description: 'Number and share of accounts that have each attribute',
    sql: `SELECT export_name, key AS attribute, count(*) AS accounts,
  round(100.0 * count(*) / max(total), 1) AS percent
FROM (
  SELECT export_name, attributes, count(*) OVER (PARTITION BY export_name) AS total FROM accounts_latest
)
CROSS JOIN UNNEST(attributes) AS t (key, value)
WHERE value IS NOT NULL AND value <> ''
GROUP BY export_name, key
ORDER BY export_name, accounts DESC, attribute`,
  },
];
