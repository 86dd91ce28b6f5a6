"""An export as in dlt's documentation: the `rest_api` source and the `filesystem` destination.

    python dlt_accounts.py API_URL PAGE_SIZE FOLDER

The API key is a dlt secret from the environment.
"""

import sys

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source


def export(api_url: str, page_size: int, folder: str) -> None:
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"{api_url}/api/dataset/engage/",
            "auth": {
                "type": "http_basic",
                "username": dlt.secrets["personalization_api_key_id"],
                "password": dlt.secrets["personalization_api_key_secret"],
            },
            # Pages start at 0 and there is no total: dlt stops after the first empty page.
            "paginator": {"type": "page_number", "base_page": 0, "page_param": "page", "total_path": None},
        },
        "resources": [
            {
                "name": "accounts",
                "primary_key": "name",
                "write_disposition": "replace",
                # Without this, dlt turns attributes into columns and their lists into tables.
                "columns": {"attributes": {"data_type": "json"}},
                "endpoint": {"path": "accounts.json", "params": {"pageSize": page_size}, "data_selector": "$"},
            }
        ],
    }
    pipeline = dlt.pipeline(
        pipeline_name="accounts",
        pipelines_dir=f"{folder}/pipelines",
        destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/out"),
        dataset_name="export",
    )
    print(pipeline.run(rest_api_source(config), loader_file_format="jsonl"))


# Worker processes import this file.
if __name__ == "__main__":
    export(sys.argv[1], int(sys.argv[2]), sys.argv[3])
