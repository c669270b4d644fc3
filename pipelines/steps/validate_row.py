"""Check the row: every value is of its column's type, so that one bad value never costs a batch."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from crawler.items import TEXT, TEXTS, UTC_MICROSECONDS, Kind, Story, as_row, columns_of
from pipelines.drop_reasons import BadRow


def fault_of(record: type, row: Mapping[str, Any], *, complete: bool = False) -> str | None:
    """What is wrong with a row in one sentence, or None.

    :param complete: whether required columns must have a value by now
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
        return isinstance(value, str) and _encodable(value)
    if kind is UTC_MICROSECONDS:
        return isinstance(value, datetime) and value.tzinfo is not None
    if kind is TEXTS:
        return isinstance(value, list) and all(isinstance(v, str) and _encodable(v) for v in value)
    bound = 1 << (int(kind.removeprefix("int")) - 1)
    return type(value) is int and -bound <= value < bound


def _encodable(text: str) -> bool:
    # A lone surrogate is a string to Python and to nobody else.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class CheckRow:
    """Refuses a record with a value of the wrong type."""

    def process_item(self, item: Any) -> Any:
        if isinstance(item, Story) and item.is_prepared:  # it was looked at before anything was made of it
            return item
        rows = getattr(item, "rows", None)
        for record in rows if rows is not None else [item]:
            if fault := fault_of(type(record), as_row(record)):
                raise BadRow(fault)
        return item
