"""Export of selected rows to a new folder with a data card (contents, licence, columns) and checksums."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import reduce
from operator import and_
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.clock import now
from pipelines.analysis.data_card import Selection, build_card, write_card
from pipelines.analysis.dictionary import table_entries
from pipelines.analysis.open_table import OpenTable, QueryError, open_table
from pipelines.analysis.runs_table import ALL, RUNS
from pipelines.analysis.writers import require_outside, write_jsonl
from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.errors import DataDamaged, StorageError
from pipelines.storage.parquet import write_rows
from pipelines.storage.paths import DataPaths
from pipelines.storage.run_reports import rolled_up_reports
from pipelines.storage.tables import Table

# Rows of these tables are exported if their story is, regardless of their own time.
_WITH_STORIES = ("revisions", "aliases")


def export(data: Path, out: Path, selection: Selection, form: str = "parquet") -> dict[str, Any]:
    """Write the selected rows to the new folder ``out``, which appears only when complete; return its data card.

    Parquet files have the same folder layout as in the data folder. Raises :class:`QueryError` for an invalid selection
    before anything is written. Raises :class:`StorageError` if the folder cannot be written, or if a run is moving
    stories between partitions at the same time.

    :param form: `parquet` or `jsonl`
    """
    _check(require_outside(out, data), selection)
    opened = {name: _open(data, name, selection) for name in selection.tables}
    story_ids = None
    if selection.sites or selection.since or selection.until:
        with _reading("stories"):
            stories = _open(data, "stories", selection)
            story_ids = stories.dataset.to_table(columns=["story_id"])["story_id"].combine_chunks()
    with atomic_path(out) as folder:
        folder.mkdir()
        write = _write_parquet if form == "parquet" else _write_jsonl
        cards = {}
        for table in opened.values():
            with _reading(table.name):
                rows = table.dataset
                if story_ids is not None and table.name in _WITH_STORIES:
                    rows = rows.filter(pc.field("story_id").isin(story_ids))
                cards[table.name] = _table_card(folder, table, rows, write(data, folder, table, rows), selection.zone)
        card = build_card(folder, cards, selection, now())
        write_card(folder, card, form)
    return card


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Context manager that raises :class:`DataDamaged` where PyArrow reports a damaged file.

    Errors of the operating system, which have an errno, are raised unchanged.
    """
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None):
            raise
        raise DataDamaged(PurePath(name), f"cannot be read ({str(error).splitlines()[0]})") from error


def parse_time(text: str, zones: Iterable[str]) -> datetime:
    """Parse an ISO 8601 time with a time zone, or a date, which means midnight in the time zone of the newspapers.

    Raises :class:`QueryError` for any other text.

    :param zones: time zones of the exported newspapers; if they differ, a date raises :class:`QueryError` too
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} must be a day (2026-01-11) or a time (2026-01-11T06:00+06:00)") from None
    if time.tzinfo is not None:
        return time.astimezone(UTC)
    names = sorted(set(zones)) or ["UTC"]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) or len(names) > 1:
        raise QueryError(f"{text!r} has no time zone: write it as 2026-01-11T06:00+06:00")
    return time.replace(tzinfo=ZoneInfo(names[0])).astimezone(UTC)


def _check(out: Path, selection: Selection) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise QueryError(f"{out} exists already: choose another name, or move it away")
    tables = [ALL[name] for name in selection.tables if name in ALL]
    known = {name for table in tables for name in (*table.schema.names, *table.partitions)}
    for name in selection.columns:
        if known and name not in known:
            raise QueryError(f"none of {', '.join(selection.tables)} has a column {name!r}")


def _open(data: Path, name: str, selection: Selection) -> OpenTable:
    """Open a table with the selected rows and columns; its key and partition columns are always included."""
    since, until = (None, None) if name in _WITH_STORIES else (selection.since, selection.until)
    opened = open_table(name, data=data, site=list(selection.sites) or None, since=since, until=until)
    wanted = {*selection.columns, *ALL[name].key, *ALL[name].partitions}
    return OpenTable(
        name, opened.dataset, tuple(column for column in opened.columns if not selection.columns or column in wanted)
    )


def _write_parquet(data: Path, folder: Path, opened: OpenTable, rows: ds.Dataset) -> list[Path]:
    table = ALL[opened.name]
    if table is RUNS:
        return _copy_reports(data, folder, rows)
    keys = list(table.partitions)
    files = []
    for partition in sorted(
        rows.to_table(columns=keys).group_by(keys).aggregate([]).to_pylist(), key=lambda row: list(row.values())
    ):
        condition = reduce(and_, (pc.field(key) == value for key, value in partition.items()))
        path = folder / table.path(partition["site"], partition.get(table.partition or "", ""))
        path.parent.mkdir(parents=True)
        with path.open("xb") as file:
            write_rows(table, _as_stored(table, rows.to_table(columns=list(opened.columns), filter=condition)), file)
        files.append(path)
    return files


def _as_stored(table: Table, rows: pa.Table) -> pa.Table:
    """Return rows with the column types of their table and without the partition columns.

    A column that must not be null becomes nullable only if a row has no value for it.
    """
    fields = [
        field.with_nullable(field.nullable or rows[field.name].null_count > 0)
        for field in table.schema
        if field.name in rows.column_names
    ]
    return rows.select([field.name for field in fields]).cast(pa.schema(fields, table.schema.metadata))


def _copy_reports(data: Path, folder: Path, rows: ds.Dataset) -> list[Path]:
    (folder / RUNS.name).mkdir()
    run_ids = rows.to_table(columns=["run_id"])["run_id"].to_pylist()
    for run_id, report in rolled_up_reports(DataPaths(data), run_ids):
        (folder / RUNS.name / f"{run_id}.json").write_text(json.dumps(report, ensure_ascii=False, indent=1))
    for path in (Path(RUNS.name, f"{run_id}.json") for run_id in run_ids):
        if (data / path).exists():
            shutil.copyfile(data / path, folder / path)
    return [folder / RUNS.name / f"{run_id}.json" for run_id in run_ids]


def _write_jsonl(data: Path, folder: Path, opened: OpenTable, rows: ds.Dataset) -> list[Path]:
    path = folder / f"{opened.name}.jsonl"
    with path.open("x", encoding="utf-8", newline="\n") as file:
        write_jsonl(rows.scanner(columns=list(opened.columns)).to_reader(), file)
    return [path]


def _table_card(
    folder: Path, opened: OpenTable, rows: ds.Dataset, files: Sequence[Path], zone: tzinfo
) -> dict[str, Any]:
    table = ALL[opened.name]
    moments = table.moments or ("first_seen_at",)
    found = rows.to_table(columns=list(dict.fromkeys((*moments, *table.key))))
    if table.name == "stories" and pc.count_distinct(found["story_id"]).as_py() != len(found):
        raise StorageError("a story is in two partitions while a publish is in progress: export again")
    ends = pc.min_max(pc.coalesce(*(found[name] for name in moments))).as_py()
    return {
        "grain": table.grain,
        "key": list(table.key),
        "rows": len(found),
        "first": ends["min"].astimezone(zone).isoformat() if ends["min"] else None,
        "last": ends["max"].astimezone(zone).isoformat() if ends["max"] else None,
        "columns": [
            {"name": entry.name, "type": entry.type, "meaning": entry.meaning}
            for entry in table_entries(table, only=opened.columns)
        ],
        "files": sorted(path.relative_to(folder).as_posix() for path in files),
    }
