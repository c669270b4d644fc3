"""Exceptions that item pipelines raise to drop an item, with one class per reason.

The name of the class is the reason in the table `rejects` and in Scrapy's stats.
"""

from typing import ClassVar

from scrapy.exceptions import DropItem

from crawler.outcomes import Outcome


class DropReason(DropItem):
    """Base class of the exceptions that an item pipeline raises to drop an item, with one subclass per reason."""

    outcome: ClassVar[Outcome] = Outcome.REJECTED

    def __init__(self, detail: str) -> None:
        super().__init__(detail, log_level="INFO")
        self.detail = detail


class InvalidRow(DropReason):
    """Reason to drop an item: a value does not have the type of its column."""


class UnknownLayout(DropReason):
    """Reason to drop an item: the page matches none of the page layouts declared for the site."""


class NoHeadline(DropReason):
    """Reason to drop an item: the page has no headline."""


class NoBody(DropReason):
    """Reason to drop an item: the page has no body text."""


class TooLong(DropReason):
    """Reason to drop an item: a field is longer than its limit, which no real newspaper story reaches."""


class NoLanguage(DropReason):
    """Reason to drop an item: its text has no letters, or was decoded with the wrong charset."""


class LegacyFont(DropReason):
    """Reason to drop an item: its text is in a Bengali font encoding from before Unicode (Bijoy, SutonnyMJ)."""


class DamagedText(DropReason):
    """Reason to drop an item: more than one in a hundred letters could not be decoded."""


class RemovedOnRequest(DropReason):
    """Reason to drop an item: the story was removed by `khobor forget`.

    The row in `rejects` is written by the removal; a dropped item gets none, because the row would contain its text.
    """

    outcome = Outcome.REMOVED_ON_REQUEST


class Unchanged(DropReason):
    """Reason to drop an item: the story is already stored in the same state.

    Only the time at which the stored story was last seen is updated.
    """

    outcome = Outcome.UNCHANGED


class ExactDuplicate(DropReason):
    """Reason to drop an item: the same headline and body are already stored under another story id.

    :ivar original: that story id
    """

    outcome = Outcome.EXACT_DUPLICATE

    def __init__(self, detail: str, original: str) -> None:
        super().__init__(detail)
        self.original = original
