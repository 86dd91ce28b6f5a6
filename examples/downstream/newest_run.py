"""The parts of the newest published run of an export.

A manifest is written when a run is published, so a run without one is not read.
"""

import json

import fsspec


def newest_parts(root: str, export_name: str) -> list[str]:
    """Paths of the parts in page order. root is a folder, or s3://bucket with s3fs installed."""
    fs, folder = fsspec.core.url_to_fs(root)
    runs = [
        json.loads(fs.cat_file(path))
        for path in fs.glob(f"{folder}/export_runs/run_id=*/manifest.json")
    ]
    runs = [run for run in runs if run["exportName"] == export_name]
    if not runs:
        raise SystemExit(f"No published run of {export_name} in {root}.")
    # A backfilled day does not replace a newer one.
    newest = max(runs, key=lambda run: (run["dueAt"][:10], run["publishedAt"], run["runId"]))
    if newest["format"] != "parquet":
        raise SystemExit(f"Run {newest['runId']} is {newest['format']}: export with --format parquet.")
    parts = sorted(newest["parts"], key=lambda part: part["page"])
    return [f"{root.rstrip('/')}/{part['key']}" for part in parts]
