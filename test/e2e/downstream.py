"""Runs one recipe of examples/downstream and prints its accounts as JSON: downstream.py RECIPE ROOT EXPORT FOLDER"""

import json
import os
import subprocess
import sys
from datetime import timezone
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples" / "downstream"
sys.path.insert(0, str(EXAMPLES))
recipe, root, export_name, folder = sys.argv[1:]


def from_duckdb(database):
    cursor = database.execute("SELECT * FROM accounts")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def rows():
    if recipe == "pandas":
        from newest_pandas import newest_accounts

        return newest_accounts(root, export_name).to_dict("records")
    if recipe == "polars":
        from newest_polars import newest_accounts

        return newest_accounts(root, export_name).to_dicts()
    if recipe == "spark":
        from newest_spark import newest_accounts
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC")
        builder = builder.config("spark.ui.enabled", "false").config("spark.sql.warehouse.dir", folder)
        spark = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
        return [row.asDict(recursive=True) for row in newest_accounts(spark, root, export_name).collect()]
    import duckdb

    if recipe == "duckdb":
        database = duckdb.connect()
        database.execute(f"SET VARIABLE root = '{root}'; SET VARIABLE export_name = '{export_name}'")
        database.execute((EXAMPLES / "newest_duckdb.sql").read_text())
        return from_duckdb(database)
    file = os.path.join(folder, "accounts.duckdb")
    variables = json.dumps({"root": root, "export_name": export_name})
    project = ["--project-dir", EXAMPLES / "dbt", "--profiles-dir", EXAMPLES / "dbt"]
    logs = ["--log-path", folder, "--target-path", folder]
    dbt = os.path.join(os.path.dirname(sys.executable), "dbt")
    done = subprocess.run(
        [dbt, "run", *project, *logs, "--vars", variables],
        env={**os.environ, "DUCKDB_FILE": file},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return from_duckdb(duckdb.connect(file))


def plain(value):
    """A value as JSON: times in UTC as epoch milliseconds, maps as objects, all missing values as null."""
    if isinstance(value, (str, bool)):
        return value
    if value is None or str(value) in ("<NA>", "NaT", "nan"):
        return None
    if hasattr(value, "timestamp"):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return round(aware.timestamp() * 1000)
    if isinstance(value, list):
        pairs = [tuple(pair.values()) if isinstance(pair, dict) else pair for pair in value]
        return {key: plain(inner) for key, inner in pairs}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    # JavaScript does not hold every integer.
    return value if isinstance(value, float) else str(value)


print("ACCOUNTS " + json.dumps([{key: plain(value) for key, value in row.items()} for row in rows()]))
