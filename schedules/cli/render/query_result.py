"""Text output of the results of SQL queries and of the summaries of exports."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from schedules.cli.render.terminal import console, plain, table

MAX_ROWS = 200
MIN_COLUMN_WIDTH = 9


def show_rows(rows: pa.RecordBatchReader) -> None:
    """Print the first `MAX_ROWS` rows as a table, or as one block per row if the terminal is too narrow for a table."""
    found = list(islice((row for batch in rows for row in batch.to_pylist()), MAX_ROWS + 1))
    shown, names, out = found[:MAX_ROWS], rows.schema.names, console()
    if len(names) * MIN_COLUMN_WIDTH > out.width:
        _show_records(out, shown)
    elif names:
        _show_table(out, rows.schema, shown)
    if len(found) > MAX_ROWS:
        print(f"khobor: showing the first {MAX_ROWS} rows; --out FILE writes all", file=sys.stderr)
    elif not found:
        print("khobor: no rows", file=sys.stderr)


def show_export(card: Mapping[str, Any], folder: Path) -> None:
    """Print one line per exported table: its rows, files, bytes and dates.

    :param card: data card (summary) of the export
    :param folder: folder with the exported files
    """
    lines = table("table", ">rows", ">files", ">bytes", "dates")
    for name, counts in card["tables"].items():
        files = counts["files"]
        dates = " – ".join(dict.fromkeys(moment[:10] for moment in (counts["first"], counts["last"]) if moment))
        lines.add_row(name, f"{counts['rows']:,}", f"{len(files):,}", f"{sum(f['bytes'] for f in files):,}", dates)
    console().print(lines)
    console().print(f"{plain(folder)}/README.md describes the data and the rights to the texts")


def _show_table(out: Console, schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = Table(box=None, header_style="bold")
    for field in schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        lines.add_column(plain(field.name), justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        lines.add_row(*(_value(row[name]) for name in schema.names))
    out.print(lines)


def _show_records(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows, start=1):
        out.print(f"[bold]row {number}[/bold]")
        lines = Table(box=None, show_header=False)
        lines.add_column(style="dim", no_wrap=True, min_width=max(map(len, row), default=0))
        lines.add_column(no_wrap=True, overflow="ellipsis")
        for name, value in row.items():
            lines.add_row(plain(name), _value(value))
        out.print(lines)


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return plain(value.isoformat(" ", "seconds"))
    if isinstance(value, float):
        return f"{value:,.2f}"
    return plain(", ".join(map(str, value)) if isinstance(value, list) else value)
