"""Schedule of revisits: the ages of a story at which its page is requested again."""

from datetime import datetime, timedelta

# Later, only a change hint causes a revisit.
REVISIT_AGES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(hours=72))


def next_revisit(born_at: datetime | None, fetched_at: datetime) -> datetime | None:
    """Return the time of the next revisit after a fetch, or None if the story is too old or has no date."""
    if born_at is None:
        return None
    return next((born_at + age for age in REVISIT_AGES if born_at + age > fetched_at), None)
