"""Exceptions for dropped items, one class per reason.

The name of the class is the reason in the `rejects` table and in Scrapy's stats.
"""

from typing import ClassVar

from scrapy.exceptions import DropItem

from crawler.outcomes import Outcome


class DropReason(DropItem):
    """Base class of the exceptions that an item pipeline raises to drop an item."""

    outcome: ClassVar[Outcome] = Outcome.REJECTED

    def __init__(self, detail: str) -> None:
        super().__init__(detail, log_level="INFO")
        self.detail = detail


class InvalidRow(DropReason):
    """A value does not have the type of its column."""


class UnknownLayout(DropReason):
    """The page matches none of the layouts that are defined for the site."""


class NoHeadline(DropReason):
    """The page has no headline."""


class NoBody(DropReason):
    """The page has no body text."""


class TooLong(DropReason):
    """A field is longer than the limit, which no real newspaper story reaches."""


class NoLanguage(DropReason):
    """The text has no letters, or was decoded with the wrong charset."""


class LegacyFont(DropReason):
    """The text is in a font encoding from before Unicode (Bijoy, SutonnyMJ)."""


class DamagedText(DropReason):
    """More than one in a hundred letters could not be decoded."""


class Unchanged(DropReason):
    """The story is already stored and has not changed, so only the time at which it was last seen is updated."""

    outcome = Outcome.UNCHANGED


class ExactDuplicate(DropReason):
    """The same text is already stored under another story id, which is ``original``."""

    outcome = Outcome.EXACT_DUPLICATE

    def __init__(self, detail: str, original: str) -> None:
        super().__init__(detail)
        self.original = original
