"""Transactions: what belongs together is kept or lost as one, and is durable at the latest a few answers later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.ledger.connection import Connection

SAVEPOINTS_PER_COMMIT = 50
RESPONSES_PER_COMMIT = 4  # with the one that is under way, five pages at most are asked for again after a kill


class Transactions:
    """The pages of one connection, and the commits that make them durable."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._savepoints = self._responses = 0
        self._depth = 0
        self._deferred: list[tuple[Callable[[list[Any]], None], Any]] = []

    def count_response(self) -> None:
        """Say that an answer came which is not to be asked for again, once it is written."""
        self._responses += 1

    def defer(self, write: Callable[[list[Any]], None], what: Any) -> None:
        """Leave something to be written with the commit, in one piece with what else is left in the same way.

        For what comes again and again, a counter say. It is lost with the page that it is of; outside of any
        transaction it is written at once.
        """
        if self._sql.in_transaction:
            self._deferred.append((write, what))
        else:
            write([what])

    def deferred(self, write: Callable[[list[Any]], None]) -> list[Any]:
        """What is left to be written in one way."""
        return [what for each, what in self._deferred if each == write]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Everything written inside is kept or lost as one."""
        if not self._sql.in_transaction:
            self._sql.execute("BEGIN IMMEDIATE")
            self._deferred.clear()
        self._sql.execute("SAVEPOINT page")
        before = len(self._deferred)
        self._depth += 1
        try:
            self._sql.reached("page.begun")
            yield
            self._sql.reached("page.written")
        except BaseException:
            if self._sql.in_transaction:  # when the disk is full, SQLite has taken back all of it
                self._sql.execute("ROLLBACK TO page")
                self._sql.execute("RELEASE page")
            del self._deferred[before:]
            raise
        finally:
            self._depth -= 1
        self._sql.execute("RELEASE page")
        self._savepoints += 1
        if self._savepoints >= SAVEPOINTS_PER_COMMIT or self._responses >= RESPONSES_PER_COMMIT:
            self.commit()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is durable on leaving, or lost as one; inside a page, as one with the page."""
        with self.savepoint():
            yield
        self.commit()

    def commit(self) -> None:
        """Make everything written so far durable."""
        if self._depth:  # in the middle of a page there is nothing that could be kept alone
            return
        self._savepoints = self._responses = 0
        if self._sql.in_transaction:
            self._sql.reached("accept.due")
            self._write_deferred()
            self._sql.execute("COMMIT")
            self._sql.reached("accept.done")

    def _write_deferred(self) -> None:
        """All of it or, where the disk refuses, none, so that the pages of which it is never stand without it."""
        kinds: dict[Callable[[list[Any]], None], list[Any]] = {}
        for write, what in self._deferred:
            kinds.setdefault(write, []).append(what)
        self._sql.execute("SAVEPOINT later")
        try:
            for write, every in kinds.items():
                write(every)
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK TO later")
                self._sql.execute("RELEASE later")
            raise
        self._sql.execute("RELEASE later")
        self._deferred.clear()
