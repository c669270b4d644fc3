"""Mutants with wrong durability; tests must detect each of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.ledger import Ledger
from pipelines.ledger.connection import Connection
from pipelines.ledger.outbox import Outbox
from pipelines.publishing.publisher import _Publication


def _no_fsync() -> None:
    """Do not sync files and folders (SQLite still syncs)."""
    os.fsync = lambda descriptor: None


def _no_full() -> None:
    """Sync SQLite only at checkpoints."""
    make_durable = Connection.make_durable

    def make_nearly_durable(connection: Connection) -> None:
        make_durable(connection)
        connection.execute("PRAGMA synchronous = NORMAL")

    Connection.make_durable = make_nearly_durable  # type: ignore[method-assign]


def _no_outbox() -> None:
    replace = _Publication._replace

    def replace_hastily(self: _Publication, table: Any, part: str, before: Any, rows: Any, done: list[int]) -> None:
        with self.ledger.transaction():
            self.ledger.outbox.clear(done)
        replace(self, table, part, before, rows, done)

    _Publication._replace = replace_hastily  # type: ignore[method-assign]


def _no_announcement() -> None:
    Outbox.prepare = lambda self, file: None  # type: ignore[method-assign]


def _no_page() -> None:

    @contextmanager
    def savepoint(ledger: Ledger) -> Iterator[None]:
        yield

    Ledger.savepoint = savepoint  # type: ignore[method-assign]


MISTAKES: dict[str, Callable[[], None]] = {
    "fsync": _no_fsync,
    "full": _no_full,
    "outbox": _no_outbox,
    "announcement": _no_announcement,
    "page": _no_page,
}
