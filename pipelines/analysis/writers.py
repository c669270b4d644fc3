"""Writers of query results as CSV, JSON, JSON Lines or Parquet, one batch of rows at a time."""

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

# First characters that make a spreadsheet interpret a text as a formula, including the full-width forms.
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(rows: pa.RecordBatchReader, file: TextIO) -> None:
    """Write rows as CSV, with times in ISO 8601, null as an empty field and lists as JSON.

    A text that a spreadsheet would interpret as a formula is prefixed with an apostrophe.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_escape_formula(name) for name in rows.schema.names])
    for batch in rows:
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))


def write_jsonl(rows: pa.RecordBatchReader, file: TextIO) -> None:
    for row in _objects(rows):
        file.write(f"{row}\n")


def write_json(rows: pa.RecordBatchReader, file: TextIO) -> None:
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


def choose_format(wanted: str | None, out: Path | None) -> str:
    """Return the output format: ``wanted`` if given, else the one of the suffix of ``out``, else `table`.

    Raises :class:`QueryError` for an unknown suffix, or for a format that cannot be written to this output.
    """
    files = FORMATS[1:]
    if wanted is None and out is not None:
        wanted = out.suffix.removeprefix(".").lower()
        if wanted not in files:
            raise QueryError(f"unknown format of {out}: use the suffix .{', .'.join(files)}, or --format")
    if wanted == "table" and out is not None:
        raise QueryError(f"a table can only be printed: for a file use --format {', '.join(files)}")
    if wanted == "parquet" and out is None:
        raise QueryError("Parquet cannot be printed: add --out FILE")
    return wanted or "table"


def require_outside(path: Path, data: Path) -> Path:
    """Return ``path``; raise :class:`QueryError` if it is in the data folder, where every file is read as data."""
    if path.resolve().is_relative_to(data.resolve()):
        raise QueryError(f"{path} is inside the data folder {data}, where only runs write: choose another place")
    return path


def write_result(rows: pa.RecordBatchReader, form: str, out: Path | None) -> None:
    """Write rows to the file ``out`` atomically; if it is None, print them in the text format ``form``."""
    if out is None:
        TEXT_FORMATS[form](rows, sys.stdout)
        return
    with atomic_path(out) as path:
        if form != "parquet":
            with path.open("x", encoding="utf-8", newline="") as file:
                TEXT_FORMATS[form](rows, file)
            return
        try:
            with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
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
    return _escape_formula(value) if isinstance(value, str) else value


def _escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_START) else text


def _plain(value: Any) -> Any:
    """Convert a value for JSON: times to ISO 8601 texts, integral decimals to integers, NaN and infinity to null."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else str(value)
