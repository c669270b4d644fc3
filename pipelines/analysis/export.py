"""Export: a part of the data in a folder of its own, with all that somebody else needs to know of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.clock import now
from pipelines.analysis.open_table import NAMES, OpenTable, QueryError, open_table
from pipelines.analysis.runs_table import RUNS
from pipelines.analysis.selection import Exported, Selection
from pipelines.analysis.writers import outside, write_jsonl
from pipelines.storage.atomic_write import atomic_path
from pipelines.storage.errors import DataDamaged, StorageError
from pipelines.storage.parquet import write_rows
from pipelines.storage.tables import TABLES, Table

# What has no moment of its own that matters goes with the stories that it belongs to.
_WITH_STORIES = ("revisions", "aliases")


def export(data: Path, place: Path, selection: Selection, kind: str = "parquet") -> dict[str, Any]:
    """Write what was selected into a new folder, with a data card and checksums; returns the card as data.

    Everything is checked before anything is written, and the folder appears whole. Parquet is laid out like the data
    folder itself. Raises :class:`QueryError` for what is not there, :class:`StorageError` where it cannot be
    written or stories stood twice because a publish was under way.
    """
    from pipelines.analysis.data_card import card_of, write_card

    _check(outside(place, data), selection)
    opened = {name: _open(data, name, selection) for name in selection.tables}
    with reading("stories"):
        kept = _kept(data, selection) if selection.is_part else None
    with atomic_path(place) as aside:
        aside.mkdir()
        write = _write_parquet if kind == "parquet" else _write_jsonl
        done = []
        for table in opened.values():
            with reading(table.name):
                done.append(write(data, aside, table, kept))
        card = card_of(aside, done, selection, now())
        write_card(aside, card, kind)
    return card


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Say which table cannot be read; what the system refuses has a number, what PyArrow finds in a file has none."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None):
            raise
        raise DataDamaged(PurePath(name), f"cannot be read ({str(error).splitlines()[0]})") from error


def moment_of(text: str, zones: Iterable[str]) -> datetime:
    """The moment that a day (its beginning, in the newspapers' time zone) or an ISO 8601 moment with its zone means."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{text!r} is neither a day (2026-01-11) nor a moment (2026-01-11T06:00+06:00)") from None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    places = sorted(set(zones)) or ["UTC"]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) or len(places) > 1:
        raise QueryError(f"{text!r} does not say its time zone: write it as 2026-01-11T06:00+06:00")
    return found.replace(tzinfo=ZoneInfo(places[0])).astimezone(UTC)


def _check(place: Path, selection: Selection) -> None:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise QueryError(f"{place} is there already: choose another name, or move it away")
    known = {name for table in selection.tables if table in NAMES for name in _names(table)}
    for name in selection.columns:
        if known and name not in known:
            raise QueryError(f"none of {', '.join(selection.tables)} has a column {name!r}")


def _table(name: str) -> Table:
    return RUNS if name == RUNS.name else TABLES[name]


def _names(name: str) -> list[str]:
    return [*_table(name).schema.names, *_table(name).partitions]


def _open(data: Path, name: str, selection: Selection) -> OpenTable:
    """The table with the rows of the selection, and of its columns those that were asked for and the key."""
    since, until = (None, None) if name in _WITH_STORIES else (selection.since, selection.until)
    opened = open_table(name, data=data, site=list(selection.sites) or None, since=since, until=until)
    wanted = {*selection.columns, *_table(name).key, *_table(name).partitions}
    columns = [column for column in opened.columns if not selection.columns or column in wanted]
    return OpenTable(name, opened.dataset, tuple(columns))


def _kept(data: Path, selection: Selection) -> pa.Array:
    """The ids of the stories that are exported, or would be."""
    opened = _open(data, "stories", selection)
    return opened.dataset.to_table(columns=["story_id"])["story_id"].combine_chunks()


def _rows(opened: OpenTable, kept: pa.Array | None) -> ds.Dataset:
    if kept is None or opened.name not in _WITH_STORIES:
        return opened.dataset
    return opened.dataset.filter(pc.field("story_id").isin(kept))


def _write_parquet(data: Path, aside: Path, opened: OpenTable, kept: pa.Array | None) -> Exported:
    table, dataset = _table(opened.name), _rows(opened, kept)
    if table is RUNS:
        return _exported(opened, dataset, _copy_reports(data, aside, dataset))
    files = []
    for site, part in _partitions(table, dataset):
        found = dataset.filter(_of(table, site, part)).to_table(columns=list(opened.columns))
        place = aside / table.path(site, part)
        place.parent.mkdir(parents=True)
        with place.open("xb") as file:
            write_rows(table, _without_partitions(table, found), file)
        files.append(place)
    return _exported(opened, dataset, files)


def _partitions(table: Table, dataset: ds.Dataset) -> list[tuple[str, str]]:
    """The (site, part) pairs that have rows; a part is empty for a table that has none."""
    keys = list(table.partitions)
    found = dataset.to_table(columns=keys).group_by(keys).aggregate([]).to_pylist()
    return sorted((row["site"], row.get(table.partition or "", "")) for row in found)


def _of(table: Table, site: str, part: str) -> pc.Expression:
    here = pc.field("site") == site
    return here & (pc.field(table.partition) == part) if table.partition else here


def _without_partitions(table: Table, rows: pa.Table) -> pa.Table:
    """The rows as files hold them: in the table's own columns, or those of them that were asked for."""
    fields = [field for field in table.schema if field.name in rows.column_names]
    columns = [rows[field.name] for field in fields]
    fields = [
        field.with_nullable(field.nullable or column.null_count > 0)
        for field, column in zip(fields, columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))


def _copy_reports(data: Path, aside: Path, dataset: ds.Dataset) -> list[Path]:
    (aside / RUNS.name).mkdir()
    names = dataset.to_table(columns=["run_id"])["run_id"].to_pylist()
    return [Path(shutil.copyfile(data / RUNS.name / f"{n}.json", aside / RUNS.name / f"{n}.json")) for n in names]


def _write_jsonl(data: Path, aside: Path, opened: OpenTable, kept: pa.Array | None) -> Exported:
    dataset = _rows(opened, kept)
    place = aside / f"{opened.name}.jsonl"
    with place.open("x", encoding="utf-8", newline="\n") as file:
        write_jsonl(dataset.scanner(columns=list(opened.columns)).to_reader(), file)
    return _exported(opened, dataset, [place])


def _exported(opened: OpenTable, dataset: ds.Dataset, files: Sequence[Path]) -> Exported:
    """What was written, in numbers."""
    table = _table(opened.name)
    moments = table.moments or ("first_seen_at",)
    found = dataset.to_table(columns=list(dict.fromkeys((*moments, *table.key))))
    if table.name == "stories" and pc.count_distinct(found["story_id"]).as_py() != len(found):
        raise StorageError("stories stood twice while a publish was under way: export again")
    ends = pc.min_max(pc.coalesce(*(found[name] for name in moments))).as_py()
    return Exported(table, opened.columns, len(found), ends["min"], ends["max"], tuple(files))
