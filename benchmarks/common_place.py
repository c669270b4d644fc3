"""Two years of a hundred sites on several hosts: reports of runs, and for some sites also the tables and logs."""

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.million import ZONE, Synthetic, write_partition
from pipelines.analysis.runs_table import ROLLED_UP, run_row
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.parquet import write_rows
from pipelines.storage.tables import TABLES
from tests.support.project import PROJECT

SITES, HOSTS, DAYS = 100, 5, 730
#: Age in days from which reports are rolled up; as in the shipped timetable.
MAX_FILE_DAYS = 400
#: Sites with tables; as the site files of Khobor name them.
WITH_TABLES = ("kalbela", "jugantor", "samakal")
STORIES_PER_MONTH, _FETCHES_PER_DAY = 3_000, 900
_SAMPLE = PROJECT / "data" / "sample"


def site_names() -> list[str]:
    return [*WITH_TABLES, *(f"paper{number:03}" for number in range(len(WITH_TABLES), SITES))]


def write_common_place(root: Path, runs_per_day: int, days: int = DAYS) -> int:
    """Write the data folders of all hosts, and return the number of reports.

    One site in five fails since its latest run or for a longer time, and one run in a hundred of each site has failed.
    """
    chance, end, count = random.Random(1), datetime.now(UTC), 0
    for number, site in enumerate(site_names()):
        data = DataFolder(root / f"host{number % HOSTS}")
        data.runs.mkdir(parents=True, exist_ok=True)
        reports = [*_reports(site, number, chance, end - timedelta(minutes=7 + number % 50), runs_per_day, days)]
        _write_reports(data, site, reports, end - timedelta(days=MAX_FILE_DAYS))
        count += len(reports)
        if site in WITH_TABLES:
            _write_tables(data, site, end, days, reports[0]["run_id"])
    return count


def _reports(
    site: str, number: int, chance: random.Random, end: datetime, per_day: int, days: int
) -> Iterator[dict[str, Any]]:
    """Yield the reports of a site, newest first."""
    patterns = [json.loads(path.read_bytes()) for path in sorted((_SAMPLE / "runs").glob("*.json"))]
    bad_from = chance.choice((0, 0, 0, 0, 3, 40))
    total = per_day * days
    for age in range(total):
        at = end - age * timedelta(days=1) / per_day
        is_bad = age < bad_from or chance.random() < 0.01
        sentence = "byline was on 96 of 100 stories and is on none of 31: .rpt_name matches nothing"
        alarm = {"key": f"{site}/field/byline", "kind": "field", "site": site, "field": "byline", "sentence": sentence}
        size = 10**7 * (number + 1) + 10**4 * (total - age)
        yield patterns[age % len(patterns)] | {
            "run_id": f"{at:%Y%m%dT%H%M%SZ}-{site}-{age % 65_536:04x}",
            "site": site,
            "started_at": at.isoformat(),
            "ended_at": (at + timedelta(minutes=9)).isoformat(),
            "mode": "full" if age % per_day == 0 else "incremental",
            "alarms": [alarm] if is_bad else [],
            "verdict": {"exit_code": 9 if is_bad else 0, "problems": [alarm["sentence"]] if is_bad else []},
            "disk": {"tables": size, "archive": 2 * size, "ledger": size // 10, "free": 10**11 - size},
        }


def _write_reports(data: DataFolder, site: str, reports: list[dict[str, Any]], rolled_up_before: datetime) -> None:
    old: list[dict[str, Any]] = []
    for report in reports:
        text = json.dumps(report, ensure_ascii=False, separators=(",", ":"))
        if datetime.fromisoformat(report["started_at"]) < rolled_up_before:
            old.append(run_row(report) | {"report": text})
        else:
            data.run(report["run_id"]).write_text(text)
    if old:
        path = data.root / ROLLED_UP.path(site, "")
        path.parent.mkdir(parents=True)
        rows = pa.Table.from_pylist(sorted(old, key=lambda row: str(row["run_id"])), schema=ROLLED_UP.schema)
        with path.open("wb") as file:
            write_rows(ROLLED_UP, rows, file)


def _write_tables(data: DataFolder, site: str, end: datetime, days: int, last_run: str) -> None:
    made, today = Synthetic(1, site), end.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    first, begin = 0, (today - timedelta(days=days)).replace(day=1)
    stories: dict[str, int] = {}
    while begin <= today:
        stories[f"{begin:%Y-%m}"] = first
        rows = made.month(first, STORIES_PER_MONTH, begin)
        rows = rows.filter(pa.compute.less_equal(rows["published_at"], end))
        write_partition(data.root, TABLES["stories"], f"{begin:%Y-%m}", rows, site)
        revised = rows.slice(0, len(rows) // 10).select([n for n in rows.schema.names if n in _names("revisions")])
        write_partition(data.root, TABLES["revisions"], f"{begin:%Y-%m}", _filled("revisions", revised), site)
        first, begin = first + STORIES_PER_MONTH, (begin + timedelta(days=32)).replace(day=1)
    for back in range(days):
        day = today - timedelta(days=back)
        newest = stories[f"{day:%Y-%m}"] + (day.day - 1) * STORIES_PER_MONTH // 31
        write_partition(data.root, TABLES["rankings"], f"{day:%Y-%m-%d}", made.rankings(day, newest), site)
        fetches = _filled("fetches", pa.Table.from_pylist([*_fetches(site, day, newest, last_run)]))
        write_partition(data.root, TABLES["fetches"], f"{day:%Y-%m-%d}", fetches, site)
    log = data.log(last_run)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("2026-01-01 00:00:00 [khobor] INFO: a line of the log of a run, of usual length\n" * 5_000)


def _fetches(site: str, day: datetime, newest: int, run_id: str) -> Iterator[Mapping[str, Any]]:
    for number in range(_FETCHES_PER_DAY):
        at = (day + number * timedelta(seconds=90)).astimezone(UTC)
        story = f"{site}:{100_000 + newest + number % 200}"
        yield {"fetched_at": at, "url": f"https://www.{site}.com/national/{story.partition(':')[2]}", "story_id": story,
               "via": "latest", "depth": 1, "status": 200, "outcome": "story", "bytes": 120_000, "attempts": 1,
               "milliseconds": 200 + number * 7_919 % 3_000, "run_id": run_id}  # fmt: skip


def _names(table: str) -> list[str]:
    return list(TABLES[table].schema.names)


def _filled(table: str, rows: pa.Table) -> pa.Table:
    """Return rows in the schema of a table; columns that they lack are null."""
    schema = TABLES[table].schema
    columns = [
        rows[f.name].cast(f.type) if f.name in rows.schema.names else pa.nulls(len(rows), f.type) for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
