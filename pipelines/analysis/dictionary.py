"""Data dictionary: a description of every table, SQL view and column, generated from their declarations."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from crawler.outcomes import Outcome
from pipelines.analysis.open_table import open_schema, open_table
from pipelines.analysis.runs_table import ALL, RUNS
from pipelines.storage.tables import Table

BEGIN = "<!-- from here to the end: written by `khobor dictionary --write` -->"
_MAX_EXAMPLE = 60
_TYPES = {
    "string": "text",
    "timestamp[us, tz=UTC]": "moment, UTC",
    "bool": "true or false",
    "date32[day]": "day",
    "int32": "whole number (int32)",
    "int64": "whole number (int64)",
    "double": "number (double)",
}


@dataclass(frozen=True)
class Entry:
    """Description of one column in the data dictionary.

    :ivar meaning: description of the values in words
    :ivar example: value from a sample of the data, as text
    :ivar nulls: nulls as a share of all rows in the sample, from 0 to 1; None without a sample
    """

    name: str
    type: str
    nullable: bool
    meaning: str
    example: str | None = None
    nulls: float | None = None


def as_data(sample: Path | None = None) -> dict[str, Any]:
    """Return the data dictionary (a description of every table, view and column) as JSON-compatible data.

    :param sample: data folder from which an example and the share of nulls of each column are taken, or None
    """
    return {
        "tables": {
            name: {
                "grain": table.grain,
                "path": table_path(table),
                "key": list(table.key),
                "columns": [asdict(entry) for entry in table_entries(table, sample)],
            }
            for name, table in ALL.items()
        },
        "views": {
            name: {"grain": grain, "columns": [asdict(entry) for entry in entries]}
            for name, (grain, entries) in _views(sample).items()
        },
        "outcomes": {outcome.value: outcome.meaning for outcome in Outcome},
    }


def as_markdown(sample: Path | None = None) -> str:
    sections = [table_section(table, table_entries(table, sample), table_path(table)) for table in ALL.values()]
    sections += [f"## View `{name}`: {grain}\n\n{_rows(entries)}" for name, (grain, entries) in _views(sample).items()]
    outcomes = "\n".join(f"| `{outcome.value}` | {outcome.meaning} |" for outcome in Outcome)
    return "\n\n".join([*sections, f"## The outcomes of `fetches`\n\n| outcome | meaning |\n| --- | --- |\n{outcomes}"])


def update_readme(readme: str, sample: Path | None = None) -> str:
    """Return the text of `data/README.md` with its generated part replaced by the current data dictionary.

    :param readme: present text of the file
    :param sample: data folder from which the examples are taken, or None
    """
    return f"{readme.partition(BEGIN)[0]}{BEGIN}\n\n{as_markdown(sample)}\n"


def table_section(table: Table, entries: Iterable[Entry], path: str) -> str:
    """Return a Markdown section that describes a table: the meaning of a row, path of the files, key and columns."""
    key = ", ".join(f"`{name}`" for name in table.key)
    return f"## `{table.name}`: {table.grain}\n\n`{path}`, key {key}\n\n{_rows(entries)}"


def table_entries(table: Table, sample: Path | None = None, only: Collection[str] | None = None) -> list[Entry]:
    """Return a description of each column and partition column of a table, or only of those named in ``only``.

    :param sample: data folder from which an example and the share of nulls of each column are taken, or None
    """
    required = {field.name for field in table.schema if not field.nullable} | table.partitions.keys()
    fields = [field for field in open_schema(table) if only is None or field.name in only]
    names = [field.name for field in fields]
    rows = open_table(table.name, data=sample, columns=names).to_arrow().to_pylist() if sample and names else []
    examples = _examples(rows, names)
    return [
        Entry(
            field.name,
            "text, from the path" if field.name in table.partitions else _type(field.type),
            field.name not in required,
            field.metadata[b"meaning"].decode(),
            *examples[field.name],
        )
        for field in fields
    ]


def table_path(table: Table) -> str:
    """Return a pattern of the paths of a table's files with placeholders, relative to the project folder."""
    if table is RUNS:
        return "data/runs/<run_id>.json"
    part = f"/{table.partition}=…" if table.partition else ""
    return f"data/{table.name}/site=…{part}/{table.name}.parquet"


def _views(sample: Path | None) -> dict[str, tuple[str, list[Entry]]]:
    from pipelines.analysis.query import connect
    from pipelines.analysis.sql_views import VIEWS

    views = {}
    with connect(sample, {"kalbela": "Asia/Dhaka"}) as connection:
        for name, view in VIEWS.items():
            rows = connection.table(name).to_arrow_table()
            examples = _examples(rows.to_pylist() if sample else [], rows.schema.names)
            entries = [
                Entry(field.name, _type(field.type), True, view.columns.get(field.name, ""), *examples[field.name])
                for field in rows.schema
            ]
            views[name] = (view.grain, entries)
    return views


def _examples(rows: list[dict[str, Any]], columns: list[str]) -> dict[str, tuple[str | None, float | None]]:
    """Return an example value and the share of nulls of each column.

    Where possible, all examples are from the row with the fewest nulls.
    """
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
    if len(text) <= _MAX_EXAMPLE:
        return text
    return f"{text[:_MAX_EXAMPLE].rpartition(' ')[0] or text[:_MAX_EXAMPLE]} …"


def _rows(entries: Iterable[Entry]) -> str:
    entries = list(entries)
    lines = [f"| `{entry.name}` | {entry.type} | {entry.meaning} |" for entry in entries]
    if all(entry.example is None for entry in entries):
        return "\n".join(["| column | type | meaning |", "| --- | --- | --- |", *lines])
    head = ["| column | type | meaning | example | null |", "| --- | --- | --- | --- | ---: |"]
    return "\n".join([*head, *(f"{line} {_sample(entry)} |" for line, entry in zip(lines, entries, strict=True))])


def _sample(entry: Entry) -> str:
    example = "" if entry.example is None else f"`{entry.example}`"
    return f"{example} | {'' if entry.nulls is None else _percent(entry.nulls)}"


def _percent(share: float) -> str:
    """Format a share from 0 to 1 in percent, such as `12 %`.

    Only a share of exactly 0 or 1 is formatted as `0 %` or `100 %`.
    """
    percent = 100 * share
    return f"{percent:.0f} %" if share in (0, 1) or 0.5 <= percent < 99.5 else f"{min(max(percent, 0.1), 99.9):.1f} %"


def _type(arrow: pa.DataType) -> str:
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return "list of texts" if arrow.value_type == pa.string() else f"list, each {_type(arrow.value_type)}"
    if pa.types.is_struct(arrow):
        return "record of " + ", ".join(f"{field.name} ({_type(field.type)})" for field in arrow)
    return _TYPES[str(arrow)]
