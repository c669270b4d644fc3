"""The ages at which a story is requested again."""

from datetime import datetime, timedelta

# Later, only a change hint causes a revisit.
REVISIT_AGES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(hours=72))


def next_revisit(born_at: datetime | None, fetched_at: datetime) -> datetime | None:
    """Return the next revisit after a fetch, or None for an old or undated story."""
    if born_at is None:
        return None
    return next((born_at + age for age in REVISIT_AGES if born_at + age > fetched_at), None)
