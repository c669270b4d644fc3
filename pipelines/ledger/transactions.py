"""Transactions of the ledger (the site's SQLite crawl state): savepoints that can be nested, and regular commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.ledger.connection import Connection

RESPONSES_PER_COMMIT = 4  # with the one in progress, a kill repeats at most five requests


class Transactions:
    """Transactions of a connection.

    :ivar before_commit: function to call before each commit, to sync the files that the transaction refers to. If it
        raises an error, the transaction is rolled back.
    """

    def __init__(self, connection: Connection) -> None:
        self._sql = connection
        self._responses = self._depth = 0
        self.before_commit: Callable[[], None] = lambda: None

    def count_response(self) -> None:
        """Count a processed response, so that a commit follows after every :data:`RESPONSES_PER_COMMIT` responses.

        The commit takes place at the end of the outermost savepoint.
        """
        self._responses += 1

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run the block in an SQLite savepoint, which can be nested; roll back its writes if it raises an error."""
        if not self._sql.in_transaction:
            self._sql.execute("BEGIN IMMEDIATE")
        self._sql.execute("SAVEPOINT page")
        self._depth += 1
        try:
            self._sql.reached("page.begun")
            yield
            self._sql.reached("page.written")
        except BaseException:
            if self._sql.in_transaction:  # on a full disk, SQLite has rolled back everything
                self._sql.execute("ROLLBACK TO page")
                self._sql.execute("RELEASE page")
            raise
        finally:
            self._depth -= 1
        self._sql.execute("RELEASE page")
        if self._responses >= RESPONSES_PER_COMMIT:
            self.commit()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in a :meth:`savepoint`, and commit at its end unless it is nested in another savepoint."""
        with self.savepoint():
            yield
        self.commit()

    def commit(self) -> None:
        """Commit the current transaction; inside a savepoint, do nothing."""
        if self._depth:
            return
        self._responses = 0
        if self._sql.in_transaction:
            try:
                self.before_commit()
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
            self._sql.reached("accept.due")
            self._sql.execute("COMMIT")
            self._sql.reached("accept.done")
