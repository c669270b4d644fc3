"""Results: rows as CSV, JSON, JSON lines or Parquet, written bit by bit, for programs and for spreadsheets."""

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from crawler.safe_text import as_json
from pipelines.analysis.open_table import QueryError
from pipelines.storage.atomic_write import atomic_path

# What a spreadsheet would take for a formula, also in the width of Chinese letters.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(rows: pa.RecordBatchReader, file: TextIO) -> None:
    """CSV for spreadsheets and programs: UTF-8, moments in ISO 8601, null as nothing, lists as JSON.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_harmless(name) for name in rows.schema.names])
    for batch in rows:
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))


def write_jsonl(rows: pa.RecordBatchReader, file: TextIO) -> None:
    """One JSON object a line."""
    for row in _objects(rows):
        file.write(f"{row}\n")


def write_json(rows: pa.RecordBatchReader, file: TextIO) -> None:
    """One JSON list of objects."""
    before = "[\n"
    for row in _objects(rows):
        file.write(f"{before}{row}")
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


TEXT_FORMATS: dict[str, Callable[[pa.RecordBatchReader, TextIO], None]] = {
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_jsonl,
}


FORMATS = ("table", *TEXT_FORMATS, "parquet")


def format_of(wanted: str | None, place: Path | None) -> str:
    """The format that was asked for, else that of the file's name, else a table to look at."""
    if wanted is None and place is not None:
        wanted = place.suffix.removeprefix(".").lower()
        if wanted not in FORMATS[1:]:
            raise QueryError(f"{place} does not say its format: end it in .{', .'.join(FORMATS[1:])}, or give --format")
    if wanted == "table" and place is not None:
        raise QueryError(f"a table is to look at: for a file choose --format {', '.join(FORMATS[1:])}")
    if wanted == "parquet" and place is None:
        raise QueryError("Parquet is nothing to print: --out FILE says where it goes")
    return wanted or "table"


def outside(place: Path, data: Path) -> Path:
    """The place, if it is not inside of the data folder, where all is read as data; else :class:`QueryError`."""
    if place.resolve().is_relative_to(data.resolve()):
        raise QueryError(f"{place} is inside of the data folder {data}, where only runs write: choose another place")
    return place


def save(rows: pa.RecordBatchReader, kind: str, place: Path | None) -> None:
    """Print rows, or write them into a file that appears whole, in place of the one before it.

    :param kind: one of the formats, but `table`
    """
    if place is None:
        TEXT_FORMATS[kind](rows, sys.stdout)
        return
    with atomic_path(place) as aside:
        if kind != "parquet":
            with aside.open("x", encoding="utf-8", newline="") as file:
                TEXT_FORMATS[kind](rows, file)
            return
        try:
            with pq.ParquetWriter(aside, rows.schema, compression="zstd") as writer:
                for batch in rows:
                    writer.write_batch(batch)
        except pa.ArrowNotImplementedError as error:
            raise QueryError(f"Parquet cannot hold this ({error}): cast it to text in the SQL") from error


def _objects(rows: pa.RecordBatchReader) -> Iterator[str]:
    for batch in rows:
        for row in batch.to_pylist():
            yield as_json(_plain(row), indent=None)


def _cell(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return _harmless(value) if isinstance(value, str) else value


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """The value as JSON has it: moments as ISO 8601, whole decimals as integers, no number as null."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(each) for each in value]
    return value.hex() if isinstance(value, bytes) else str(value)
