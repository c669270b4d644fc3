"""What time it is, in one place."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, to the microsecond that the tables keep."""
    return datetime.now(UTC)
