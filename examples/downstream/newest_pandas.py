"""The newest accounts of an export as a pandas DataFrame: python newest_pandas.py ./out all-accounts"""

import sys

import pandas as pd
from newest_run import newest_parts


def newest_accounts(root: str, export_name: str) -> pd.DataFrame:
    parts = [
        # Without these options, folders of the path become columns, and large whole numbers lose digits.
        pd.read_parquet(path, partitioning=None, dtype_backend="numpy_nullable")
        for path in newest_parts(root, export_name)
    ]
    accounts = pd.concat(parts, ignore_index=True)
    # An account that changed during the run can occur twice: the later record is current.
    accounts = accounts[accounts["superseded"].isna()]
    earlier = accounts["name"].notna() & accounts["name"].duplicated(keep="last")
    return accounts[~earlier].drop(columns="superseded")


if __name__ == "__main__":
    print(newest_accounts(*sys.argv[1:3]))
