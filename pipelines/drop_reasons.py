"""Drop reasons: one exception per reason, whose class name is the reason in `rejects` and in Scrapy's stats."""

from typing import ClassVar

from scrapy.exceptions import DropItem

from crawler.outcomes import Outcome


class DropReason(DropItem):
    """Base of all reasons for which a step drops an item."""

    outcome: ClassVar[Outcome] = Outcome.REJECTED

    def __init__(self, detail: str) -> None:
        super().__init__(detail, log_level="INFO")
        self.detail = detail


class InvalidRow(DropReason):
    """A value is not of its column's type."""


class UnknownLayout(DropReason):
    """No layout of the site fits the page."""


class NoHeadline(DropReason):
    """The page has no headline."""


class NoBody(DropReason):
    """The page has no body text."""


class TooLong(DropReason):
    """A field is longer than any newspaper's."""


class NoLanguage(DropReason):
    """The text has no letters, or was decoded with the wrong charset."""


class LegacyFont(DropReason):
    """The text is in a font encoding from before Unicode (Bijoy, SutonnyMJ)."""


class DamagedText(DropReason):
    """More than one in a hundred letters could not be decoded."""


class Unchanged(DropReason):
    """The story is stored in this state; only its time of last sight is updated."""

    outcome = Outcome.UNCHANGED


class ExactDuplicate(DropReason):
    """The same text is stored under another id, ``original``."""

    outcome = Outcome.EXACT_DUPLICATE

    def __init__(self, detail: str, original: str) -> None:
        super().__init__(detail)
        self.original = original
