"""Notices: what lists, feeds and sitemaps last said of a story, and whether that is a cause to look at it again.

A place is believed when it says otherwise than it said before, so a list whose headlines are never those of the pages
is no cause. Where a story was called for in vain twice in a row, the place is not believed about it any more.
"""

from datetime import datetime, timedelta

from pipelines.ledger.connection import Connection

SCHEMA = """
CREATE TABLE change_hints (
    place TEXT, key TEXT, said TEXT NOT NULL, at TEXT NOT NULL, vain INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, place)
) WITHOUT ROWID;
"""
MOST_IN_VAIN = 2
KEPT = timedelta(days=14)


class ChangeHints:
    """The notices of one ledger; its writes belong to the ledger's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def is_other(self, place: str, key: str, said: str, at: datetime, *, first: bool = False) -> bool:
        """Whether a place says otherwise than before, and is believed; ``first`` is the answer at the first time."""
        query = "SELECT said, vain FROM change_hints WHERE place = ? AND key = ?"
        row = self._sql.execute(query, (place, key)).fetchone()
        if row is not None and row[0] == said:
            return False
        self._sql.execute(
            "INSERT INTO change_hints (place, key, said, at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET said = excluded.said, at = excluded.at",
            (place, key, said, at.isoformat()),
        )
        return first if row is None else row[1] < MOST_IN_VAIN

    def was_said(self, key: str, said: str, before: datetime) -> bool:
        """Whether any place said this of an address before a moment, at which it was looked at."""
        query = "SELECT 1 FROM change_hints WHERE key = ? AND said = ? AND at <= ?"
        return self._sql.execute(query, (key, said, before.isoformat())).fetchone() is not None

    def answered(self, place: str, key: str, *, in_vain: bool) -> None:
        """What came of looking at an address because of a place."""
        count = "vain + 1" if in_vain else "0"
        query = f"UPDATE change_hints SET vain = {count} WHERE place IN (?, ?) AND key = ?"
        self._sql.execute(query, (place, f"{place}/time", key))

    def forget(self, now: datetime) -> None:
        """Forget what was said of old."""
        self._sql.execute("DELETE FROM change_hints WHERE at < ?", ((now - KEPT).isoformat(),))
