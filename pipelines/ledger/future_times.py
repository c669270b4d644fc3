"""Correction of stored times that lie in the future because the system clock was wrong when they were stored.

Without the correction, a listing that was fetched with the clock a year ahead would not be requested for a year.
"""

from datetime import datetime, timedelta

from pipelines.ledger.connection import Connection
from pipelines.ledger.revisit_policy import next_revisit

# No next visit is further away.
_MAX_WAIT = timedelta(days=31)
# Differences that are usual between two readings of the clock.
_TOLERANCE = timedelta(seconds=60)


def correct_future_times(connection: Connection, now: datetime) -> int:
    """Correct the times of a ledger that lie more than 60 seconds after ``now``; return the number of changed rows.

    Such a time is replaced by ``now``. A next visit is recomputed, and records of the state of a list or page are
    deleted. The caller must commit.
    """
    limit, moment = (now + _TOLERANCE).isoformat(), now.isoformat()
    stories = connection.execute(
        "SELECT key, born_at FROM urls WHERE fetched_at > ? AND story_id IS NOT NULL", (limit,)
    ).fetchall()
    for key, born_at in stories:
        due_at = next_revisit(datetime.fromisoformat(born_at) if born_at else None, now)
        values = (moment, due_at and due_at.isoformat(), key)
        connection.execute("UPDATE urls SET fetched_at = ?, due_at = ? WHERE key = ?", values)
    statements = (
        # Entry points are due at once, and so is whatever waits for longer than any rule allows.
        ("UPDATE urls SET fetched_at = ?1, due_at = ?1 WHERE fetched_at > ?2", limit),
        ("UPDATE urls SET due_at = ?1 WHERE due_at > ?2", (now + _MAX_WAIT).isoformat()),
        ("UPDATE stories SET fetched_at = ?1 WHERE fetched_at > ?2", limit),
        ("UPDATE change_hints SET seen_at = ?1 WHERE seen_at > ?2", limit),
        # The next snapshot of a list then counts as new.
        ("DELETE FROM snapshots WHERE last_observed_at > ?2 AND ?1 IS NOT NULL", limit),
        ("DELETE FROM changes WHERE at > ?2 AND ?1 IS NOT NULL", limit),
        ("UPDATE changes SET seen_at = ?1 WHERE seen_at > ?2", limit),
        ("UPDATE runs SET started_at = ?1 WHERE started_at > ?2", limit),
        ("UPDATE runs SET ended_at = ?1 WHERE ended_at > ?2", limit),
    )
    corrected = (connection.execute(statement, (moment, after)).rowcount for statement, after in statements)
    return len(stories) + sum(corrected)
