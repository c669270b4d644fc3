"""The data dictionary: every table, view and column in words, from the same lines that make the schema."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from crawler.outcomes import Outcome
from pipelines.analysis.runs_table import RUNS
from pipelines.storage.tables import TABLES, Table

BEGIN = "<!-- from here to the end: written by `khobor dictionary --write` -->"
ALL: dict[str, Table] = {**TABLES, RUNS.name: RUNS}
_LONGEST_EXAMPLE = 60
_TYPES = {
    "string": "text",
    "timestamp[us, tz=UTC]": "moment, UTC",
    "list<element: string>": "list of texts",
    "list<item: string>": "list of texts",
    "bool": "true or false",
    "date32[day]": "day",
    "int32": "whole number (int32)",
    "int64": "whole number (int64)",
    "double": "number (double)",
}


@dataclass(frozen=True)
class Entry:
    """One column: its type in words, an example, which share of the sample's rows has none, and what it means.

    A share of None means that it is never null, or that there is no sample to tell.
    """

    name: str
    type: str
    meaning: str
    nullable: bool
    example: str | None = None
    nulls: float | None = None

    def row(self) -> str:
        """As a row of a Markdown table."""
        share = "never" if not self.nullable else "" if self.nulls is None else f"{self.nulls:.0%}".replace("%", " %")
        example = "" if self.example is None else f"`{self.example}`"
        return f"| `{self.name}` | {self.type} | {self.meaning} | {example} | {share} |"


def as_data(sample: Path | None = None) -> dict[str, Any]:
    """The dictionary as plain data, for JSON; examples and shares of nulls are the sample's, where there is one."""
    views = _views(sample)
    return {
        "tables": {
            name: {
                "grain": table.grain,
                "path": path_of(table),
                "key": list(table.key),
                "columns": [_plain(entry) for entry in entries_of(table, sample)],
            }
            for name, table in ALL.items()
        },
        "views": {
            name: {"grain": g, "columns": [_plain(entry) for entry in found]} for name, (g, found) in views.items()
        },
        "outcomes": {outcome.value: outcome.meaning for outcome in Outcome},
    }


def as_markdown(sample: Path | None = None) -> str:
    """The dictionary as Markdown, one section per table and view."""
    sections = [section_of(table, entries_of(table, sample), path_of(table)) for table in ALL.values()]
    sections += [f"## View `{name}`: {grain}\n\n{_listed(found)}" for name, (grain, found) in _views(sample).items()]
    outcomes = "\n".join(f"| `{outcome.value}` | {outcome.meaning} |" for outcome in Outcome)
    return "\n\n".join([*sections, f"## The outcomes of `fetches`\n\n| outcome | meaning |\n| --- | --- |\n{outcomes}"])


def refreshed(readme: str, sample: Path | None = None) -> str:
    """The text of `data/README.md` with its dictionary as it must be now."""
    return f"{readme.partition(BEGIN)[0]}{BEGIN}\n\n{as_markdown(sample)}\n"


def section_of(table: Table, entries: Iterable[Entry], path: str) -> str:
    """A table's section: its grain, where it lies, its key and its columns."""
    key = ", ".join(f"`{name}`" for name in table.key)
    return f"## `{table.name}`: {table.grain}\n\n`{path}`, key {key}\n\n{_listed(entries)}"


def entries_of(table: Table, sample: Path | None = None, only: Collection[str] | None = None) -> list[Entry]:
    """A table's columns and partitions, or only those named."""
    from pipelines.analysis.open_table import open_schema

    required = {field.name for field in table.schema if not field.nullable} | table.partitions.keys()
    fields = [field for field in open_schema(table) if only is None or field.name in only]
    told = _told_by(sample, table.name, [field.name for field in fields])
    return [
        Entry(
            name=field.name,
            type="text, from the path" if field.name in table.partitions else _type(field.type),
            meaning=field.metadata[b"meaning"].decode(),
            nullable=field.name not in required,
            example=told[field.name][0],
            nulls=told[field.name][1],
        )
        for field in fields
    ]


def path_of(table: Table) -> str:
    """Where a table's files lie, relative to the project."""
    if table is RUNS:
        return "data/runs/<run_id>.json"
    part = f"/{table.partition}=…" if table.partition else ""
    return f"data/{table.name}/site=…{part}/{table.name}.parquet"


def _views(sample: Path | None) -> dict[str, tuple[str, list[Entry]]]:
    """Each view's grain and columns."""
    from pipelines.analysis.query import opened
    from pipelines.analysis.sql_views import VIEWS

    found = {}
    with opened(sample, {"kalbela": "Asia/Dhaka"}) as connection:
        for name, view in VIEWS.items():
            schema = connection.table(name).limit(0).to_arrow_table().schema
            rows = connection.table(name).to_arrow_table().to_pylist() if sample else []
            told = _told(rows, schema.names)
            entries = [
                Entry(each.name, _type(each.type), view.columns.get(each.name, ""), True, *told[each.name])
                for each in schema
            ]
            found[name] = (view.grain, entries)
    return found


def _told_by(sample: Path | None, name: str, columns: list[str]) -> dict[str, tuple[str | None, float | None]]:
    from pipelines.analysis.open_table import open_table

    rows = open_table(name, data=sample, columns=columns).to_arrow().to_pylist() if sample and columns else []
    return _told(rows, columns)


def _told(rows: list[dict[str, Any]], columns: list[str]) -> dict[str, tuple[str | None, float | None]]:
    """By column an example, all of them from one row as far as it has them, and the share of nulls."""
    if not rows:
        return dict.fromkeys(columns, (None, None))
    fullest = sorted(rows, key=lambda row: (sum(value in (None, []) for value in row.values()), str(row)))
    return {
        name: (
            next((_example(row[name]) for row in fullest if row[name] not in (None, [])), None),
            sum(row[name] is None for row in rows) / len(rows),
        )
        for name in columns
    }


def _example(value: Any) -> str:
    if isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    elif isinstance(value, float):
        text = f"{value:.1f}"
    elif isinstance(value, bool | date):
        text = str(value).lower()
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return (
        text
        if len(text) <= _LONGEST_EXAMPLE
        else f"{text[:_LONGEST_EXAMPLE].rpartition(' ')[0] or text[:_LONGEST_EXAMPLE]} …"
    )


def _listed(entries: Iterable[Entry]) -> str:
    every = list(entries)
    if all(entry.example is None for entry in every):
        rows = "\n".join(f"| `{entry.name}` | {entry.type} | {entry.meaning} |" for entry in every)
        return f"| column | type | meaning |\n| --- | --- | --- |\n{rows}"
    rows = "\n".join(entry.row() for entry in every)
    return f"| column | type | meaning | example | null |\n| --- | --- | --- | --- | ---: |\n{rows}"


def _plain(entry: Entry) -> Mapping[str, Any]:
    return {
        "name": entry.name,
        "type": entry.type,
        "nullable": entry.nullable,
        "meaning": entry.meaning,
        "example": entry.example,
        "nulls": entry.nulls,
    }


def _type(arrow: Any) -> str:
    return _TYPES.get(str(arrow), str(arrow))
