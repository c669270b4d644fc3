"""Rejection of stored rows that do not fit the schema of their table.

A single invalid row would otherwise prevent all other rows of its partition from being written to Parquet.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any

import pyarrow as pa

from crawler.clock import now
from crawler.items import Reject
from pipelines.ledger import Ledger
from pipelines.ledger.outbox import Change
from pipelines.storage.tables import TABLES, Table, to_json

INVALID_ROW = "InvalidRow"


def reject_invalid_rows(ledger: Ledger) -> None:
    """Remove the invalid rows from the outbox (rows that are not yet in Parquet), and store a reject for each.

    A row is invalid if it does not fit the schema of its table. If the invalid row is a new revision that would move a
    story to another partition, the previous revision stays in the old partition.
    """
    for (name, _), seqs in ledger.outbox.pending().items():
        table = TABLES[name]
        for change, reason in _invalid(table, ledger.outbox.changes(table, seqs)):
            with ledger.transaction():
                ledger.outbox.clear([change.seq])
                ledger.add_reject(_reject(ledger.site, table, change, reason))
                if name == "stories" and change.act == "put":
                    ledger.stories.withdraw(change.key, ledger.outbox.forget_move(table, change.key))


def _invalid(table: Table, changes: Sequence[Change]) -> Iterator[tuple[Change, str]]:
    all_puts_fit = not _misfit(table.schema, [change.row for change in changes if change.act == "put"])
    for change in changes:
        if change.act == "drop" or (change.act == "put" and all_puts_fit):
            continue
        if unknown := change.row.keys() - set(table.schema.names):
            yield change, f"no column {', '.join(sorted(unknown))}"
            continue
        names = change.row if change.act == "touch" else table.schema.names
        if reason := _misfit(pa.schema([table.schema.field(name) for name in names]), [change.row]):
            yield change, reason


def _misfit(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> str | None:
    for field in schema:
        # Arrow would convert a string to a list of its letters, and a number to a time.
        expected = _python_type(field.type)
        types = {type(row.get(field.name)) for row in rows}
        if not all(issubclass(found, expected) for found in types - {NoneType}):
            return f"{field.name} must be {expected.__name__}"
        if not field.nullable and NoneType in types:
            return f"null in {field.name}"
    try:
        pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        return str(error)
    return None


def _python_type(arrow_type: pa.DataType) -> type:
    if pa.types.is_timestamp(arrow_type):
        return datetime
    if pa.types.is_list(arrow_type):
        return list
    return str if pa.types.is_string(arrow_type) else int


def _reject(site: str, table: Table, change: Change, reason: str) -> Reject:
    def text(name: str) -> str | None:
        value = change.row.get(name)
        return value if isinstance(value, str) and value.isprintable() else None  # a lone surrogate is not printable

    return Reject(
        site=site,
        rejected_at=now(),
        url=text("url"),
        story_id=text("story_id"),
        reason=INVALID_ROW,
        detail=f"not a row of {table.name}: {reason}".encode(errors="replace").decode(),
        record=to_json(change.row),
        run_id=text("run_id") or "unknown",
    )
