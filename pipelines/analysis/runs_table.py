"""The table `runs`, built from the reports of the runs: a JSON file for each recent run, Parquet for older ones."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from crawler.items import BOOL, INT32, INT64, TEXT, TEXTS, UTC_MICROSECONDS, column, required
from pipelines.storage.errors import DataDamaged
from pipelines.storage.parquet import read_columns
from pipelines.storage.paths import DataPaths
from pipelines.storage.run_reports import file_ids, read_report
from pipelines.storage.tables import TABLES, Table

# A column is one line.
# fmt: off

@dataclass(slots=True, kw_only=True)
class RunRow:
    site: str = ""
    run_id: str = required(TEXT, "start time, site and four random hex digits")
    mode: str | None = column(TEXT, "`full` or `incremental`; null if the run ended before it began (see `reason`)")
    started_at: datetime = required(UTC_MICROSECONDS, "when it started")
    ended_at: datetime | None = column(UTC_MICROSECONDS, "when it ended; null if unknown")
    reason: str | None = column(TEXT, "`finished`, or why it ended early")
    exit_code: int | None = column(INT32, "0 for a good run; docs/operate.md lists the codes")
    problems: list[str] | None = column(TEXTS, "failed expectations, one sentence each")
    complete: bool | None = column(BOOL, "every discovered URL has one outcome")
    discovered: int | None = column(INT64, "number of URLs discovered")
    requests: int | None = column(INT64, "number of requests sent")
    stories_new: int | None = column(INT64, "stories stored for the first time")
    stories_revised: int | None = column(INT64, "stored stories with a new revision")
    stories_unchanged: int | None = column(INT64, "stored stories requested again and unchanged")
    stories_gone: int | None = column(INT64, "stored stories found taken down")
    exact_duplicates: int | None = column(INT64, "stories with the text of a stored one under another id")
    rejected: int | None = column(INT64, "items dropped with a reason")


@dataclass(slots=True, kw_only=True)
class RolledUpRun(RunRow):
    report: str = required(TEXT, "the whole report as JSON")


# fmt: on
RUNS = Table(
    name="runs",
    record=RunRow,
    grain="one row per run",
    partition=None,
    moments=("started_at",),
    key=("run_id",),
    order=("started_at",),
)
#: Table of the runs whose report is no longer a file of its own.
ROLLED_UP = replace(RUNS, record=RolledUpRun)
#: All tables, by name.
ALL: dict[str, Table] = {**TABLES, RUNS.name: RUNS}


def run_rows(root: Path) -> list[dict[str, Any]]:
    """Return a row for each run in a data folder, oldest first; values that are not in its report are None.

    Raises :class:`DataDamaged` for a file that is not the report of a run.
    """
    data_folder = DataPaths(root)
    rows = {run_id: _row(data_folder, run_id) for run_id in file_ids(data_folder)}
    for path in data_folder.runs.glob("site=*/runs.parquet"):
        place, site = path.relative_to(data_folder.root), path.parent.name.partition("=")[2]
        for row in read_columns(data_folder.root, place, RUNS.schema.names).to_pylist():
            rows.setdefault(row["run_id"], row | {"site": site})
    return sorted(rows.values(), key=lambda row: (row["started_at"], row["run_id"]))


def _row(data_folder: DataPaths, run_id: str) -> dict[str, Any]:
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        return run_row(read_report(data_folder, run_id))
    raise DataDamaged(PurePath(RUNS.name, f"{run_id}.json"), "is not the report of a run")


def run_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the table `runs` for the report of a run.

    Raises KeyError, TypeError, ValueError or AttributeError if the id, site or start of the run is missing or invalid.
    """
    urls, stories, verdict = (report.get(name) or {} for name in ("urls", "stories", "verdict"))
    ended, rejects = report.get("ended_at"), report.get("rejects")
    return {
        "run_id": str(report["run_id"]),
        "mode": report.get("mode"),
        "started_at": datetime.fromisoformat(report["started_at"]),
        "ended_at": datetime.fromisoformat(ended) if ended else None,
        "reason": report.get("reason"),
        "exit_code": verdict.get("exit_code"),
        "problems": verdict.get("problems"),
        "complete": urls.get("complete"),
        "discovered": urls.get("discovered"),
        "requests": report.get("requests"),
        **{f"stories_{name}": stories.get(name) for name in ("new", "revised", "unchanged", "gone")},
        "exact_duplicates": stories.get("exact_duplicates"),
        "rejected": None if rejects is None else sum(rejects.values()),
        "site": str(report["site"]),
    }
