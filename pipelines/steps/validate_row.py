"""Text step that checks the values of an item against the column types of its table.

Without this check, a single invalid value would make the write of a whole Parquet batch fail.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from crawler.items import BOOL, TEXT, TEXTS, UTC_MICROSECONDS, Kind, as_row, columns_of, record_of
from pipelines.drop_reasons import InvalidRow

# A string with a lone surrogate cannot be stored as UTF-8.
_SURROGATE = re.compile("[\ud800-\udfff]")


def validate_row(item: Any) -> Any:
    """Return the item unchanged; raise :class:`InvalidRow` if one of its values does not fit the type of its column."""
    rows = getattr(item, "rows", None)
    for record in rows if rows is not None else [record_of(item)]:
        if error := row_error(type(record), as_row(record)):
            raise InvalidRow(error)
    return item


def row_error(record: type, row: Mapping[str, Any], *, complete: bool = False) -> str | None:
    """Return a description of the first invalid value in a row, or None if all values are valid.

    :param record: dataclass that declares the columns and their types
    :param complete: also reject null in a required column
    """
    for name, kind, required in _columns(record):
        value = row[name]
        if value is None:
            if required and complete:
                return f"{name} is required and has no value"
        elif not _fits(value, kind):
            return f"{name} is {type(value).__name__} where {kind} belongs"
    return None


@cache
def _columns(record: type) -> tuple[tuple[str, Kind, bool], ...]:
    return tuple((c.name, c.metadata["type"], c.metadata["required"]) for c in columns_of(record))


def _fits(value: Any, kind: Kind) -> bool:
    if kind is TEXT:
        return isinstance(value, str) and not _SURROGATE.search(value)
    if kind is UTC_MICROSECONDS:
        return isinstance(value, datetime) and value.tzinfo is not None
    if kind is TEXTS:
        return isinstance(value, list) and all(isinstance(v, str) and not _SURROGATE.search(v) for v in value)
    if kind is BOOL:
        return isinstance(value, bool)
    bound = 1 << (int(kind.removeprefix("int")) - 1)
    return type(value) is int and -bound <= value < bound
