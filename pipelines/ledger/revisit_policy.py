"""The ages at which a known story is requested again."""

from datetime import datetime, timedelta

# A story is looked at again while it is young; later only when something says that it changed.
REVISIT_AGES = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24), timedelta(hours=72))


def next_revisit(born_at: datetime | None, looked_at: datetime) -> datetime | None:
    """When a story is due again, or None when it is old enough to be left alone."""
    if born_at is None:
        return None
    return next((born_at + age for age in REVISIT_AGES if born_at + age > looked_at), None)
