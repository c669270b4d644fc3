"""Grid: rows as a table for a person at a terminal, or one below the other where they are too wide for that."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from schedules.cli.render.terminal import console, plain

MOST_ROWS = 200
_LEAST_WIDTH = 9  # of a column; where there is less room for each, every row gets lines of its own


def show_rows(rows: pa.RecordBatchReader) -> None:
    """Print rows, the first of very many, and say so when there are more."""
    found = list(islice((row for batch in rows for row in batch.to_pylist()), MOST_ROWS + 1))
    shown, names, out = found[:MOST_ROWS], rows.schema.names, console()
    if len(names) * _LEAST_WIDTH > out.width:
        _one_below_the_other(out, shown)
    elif names:
        _side_by_side(out, names, rows.schema, shown)
    if len(found) > MOST_ROWS:
        print(f"khobor: the first {MOST_ROWS} rows; --out FILE takes all", file=sys.stderr)
    elif not found:
        print("khobor: no rows", file=sys.stderr)


def show_card(card: Mapping[str, Any], place: Path) -> None:
    """What an export holds, a line for each table."""
    table = Table(box=None, header_style="bold")
    for name, justify in (("table", "left"), ("rows", "right"), ("files", "right"), ("bytes", "right"), ("of", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name, told in card["tables"].items():
        files = told["files"]
        days = " – ".join(dict.fromkeys(moment[:10] for moment in (told["first"], told["last"]) if moment))
        table.add_row(name, f"{told['rows']:,}", f"{len(files):,}", f"{sum(f['bytes'] for f in files):,}", days)
    console().print(table)
    console().print(f"{plain(place)}/README.md says what it is and whose the texts are")


def _side_by_side(out: Console, names: Sequence[str], schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=None, header_style="bold")
    for field in schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)
        table.add_column(plain(field.name), justify="right" if number else "left", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(_shown(row[name]) for name in names))
    out.print(table)


def _one_below_the_other(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows, start=1):
        out.print(f"[bold]row {number}[/bold]")
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(style="dim", no_wrap=True, min_width=max(map(len, row), default=0))
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, value in row.items():
            table.add_row(plain(name), _shown(value))
        out.print(table)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return plain(value.isoformat(" ", "seconds"))
    if isinstance(value, float):
        return f"{value:,.2f}"
    return plain(", ".join(map(str, value)) if isinstance(value, list) else value)
