"""The newest accounts of an export as a polars DataFrame: python newest_polars.py ./out all-accounts"""

import sys

import polars as pl
from newest_run import newest_parts


def newest_accounts(root: str, export_name: str) -> pl.DataFrame:
    accounts = pl.read_parquet(newest_parts(root, export_name), hive_partitioning=False)
    # An account that changed during the run can occur twice: the later record is current.
    return (
        accounts.filter(pl.col("superseded").is_null())
        .filter(pl.col("name").is_null() | pl.col("name").is_last_distinct())
        .drop("superseded")
    )


if __name__ == "__main__":
    print(newest_accounts(*sys.argv[1:3]))
