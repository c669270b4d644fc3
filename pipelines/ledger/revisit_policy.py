"""Schedule of revisits: the ages of a story at which its page is requested again to find changes."""

from datetime import datetime, timedelta

# Later, only a change hint causes a revisit.
REVISIT_AGES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(hours=72))


def next_revisit(born_at: datetime | None, fetched_at: datetime) -> datetime | None:
    """Return the time at which to request a story again, or None if it is too old or its date is unknown.

    :param born_at: time of publication of the story
    :param fetched_at: time of the last fetch
    """
    if born_at is None:
        return None
    return next((born_at + age for age in REVISIT_AGES if born_at + age > fetched_at), None)
