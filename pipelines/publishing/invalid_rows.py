"""Rows that no file of their table can hold: each becomes a reject, so that one bad row never stops the others."""

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


def divert_bad_rows(ledger: Ledger) -> int:
    """Turn bad changes that wait in the outbox into rejects; returns how many there were.

    A story that was to move, and whose new row is bad, stays where it stands.
    """
    diverted = 0
    for (name, _), seqs in ledger.outbox.pending().items():
        table = TABLES[name]
        for change, fault in _bad(table, ledger.outbox.changes(table, seqs)):
            with ledger.transaction():
                ledger.outbox.clear([change.seq])
                ledger.add_reject(_reject(ledger.site, table, change, fault))
                if name == "stories" and change.act == "put":
                    ledger.stories.withdraw(change.key, ledger.outbox.forget_move(table, change.key))
            diverted += 1
    return diverted


def fault_in(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """What keeps rows from being stored under a schema, in a few words, or None."""
    for field in schema:
        # Arrow would take a text for a list of its letters, and a number for a moment.
        wanted = _python_type(field.type)
        kinds = {type(row.get(field.name)) for row in rows}
        if not all(issubclass(kind, wanted) for kind in kinds - {NoneType}):
            return f"{field.name} is no {wanted.__name__}"
        if not field.nullable and NoneType in kinds:
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


def _bad(table: Table, changes: Sequence[Change]) -> Iterator[tuple[Change, str]]:
    sound = fault_in(table.schema, [change.row for change in changes if change.act == "put"]) is None
    for change in changes:
        if change.act == "touch":
            fault = _fault_in_touch(table, change.row)
        elif change.act == "put" and not sound:
            fault = fault_in(table.schema, [change.row])
        else:
            fault = None
        if fault:
            yield change, fault


def _fault_in_touch(table: Table, columns: Mapping[str, Any]) -> str | None:
    if unknown := columns.keys() - set(table.schema.names):
        return f"no column {', '.join(sorted(unknown))}"
    return fault_in(pa.schema([table.schema.field(name) for name in columns]), [columns])


def _reject(site: str, table: Table, change: Change, fault: str) -> Reject:
    def text(name: str) -> str | None:
        value = change.row.get(name)
        return value if isinstance(value, str) and value.isprintable() else None  # half a character is not

    return Reject(
        site=site,
        rejected_at=now(),
        url=text("url"),
        story_id=text("story_id"),
        reason=INVALID_ROW,
        detail=f"no row of {table.name}: {fault}".encode(errors="replace").decode(),
        record=to_json(change.row),
        run_id=text("run_id") or "unknown",
    )
