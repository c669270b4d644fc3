"""Hints that a story has changed, taken from the headlines and update times in lists, feeds and sitemaps.

The ledger stores the last value (headline or update time) that each source (a list, feed or sitemap) showed for each
story. If the source later shows a different value for it, that is a hint that the story has changed. Values are
compared only within one source, so a list that always shortens its headlines gives no hints. After two wrong hints in a
row about a story, further hints of that source about that story are ignored.
"""

from datetime import datetime, timedelta

from pipelines.ledger.connection import Connection

SCHEMA = """
CREATE TABLE change_hints (
    source TEXT, key TEXT, value TEXT NOT NULL, seen_at TEXT NOT NULL, misses INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, source)
) WITHOUT ROWID;
"""
MAX_MISSES = 2
RETENTION = timedelta(days=14)


class ChangeHints:
    def __init__(self, connection: Connection) -> None:
        self._sql = connection

    def is_change(self, source: str, key: str, value: str, at: datetime, *, first: bool = False) -> bool:
        """Record the value that a source shows for a story; return True if it hints at a change of the story.

        A value hints at a change if it differs from the last value that the source showed. After two wrong hints in a
        row, the result is always False.

        :param value: digest of the headline, or the update time
        :param first: result if the source has never shown a value for this story
        """
        query = "SELECT value, misses FROM change_hints WHERE source = ? AND key = ?"
        row = self._sql.execute(query, (source, key)).fetchone()
        if row is not None and row[0] == value:
            return False
        self._sql.execute(
            "INSERT INTO change_hints (source, key, value, seen_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value, seen_at = excluded.seen_at",
            (source, key, value, at.isoformat()),
        )
        return first if row is None else row[1] < MAX_MISSES

    def was_shown(self, key: str, value: str, before: datetime) -> bool:
        """Return True if some source's last value for a story is ``value``, recorded at or before ``before``."""
        query = "SELECT 1 FROM change_hints WHERE key = ? AND value = ? AND seen_at <= ?"
        return self._sql.execute(query, (key, value, before.isoformat())).fetchone() is not None

    def record_result(self, source: str, key: str, *, right: bool) -> None:
        """Record if the last hint of a source about a story was right.

        A wrong hint adds one to the number of wrong hints in a row, and a right hint resets that number to 0.
        """
        misses = "0" if right else "misses + 1"
        query = f"UPDATE change_hints SET misses = {misses} WHERE source IN (?, ?) AND key = ?"
        self._sql.execute(query, (source, f"{source}/time", key))

    def delete_old(self, now: datetime) -> None:
        self._sql.execute("DELETE FROM change_hints WHERE seen_at < ?", ((now - RETENTION).isoformat(),))
