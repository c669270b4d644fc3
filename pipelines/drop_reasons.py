"""Why a record is not kept: one class per reason, so that Scrapy counts each by name."""

from typing import ClassVar

from scrapy.exceptions import DropItem

from crawler.outcomes import Outcome


class Refused(DropItem):
    """A record that a step refused; it is kept among the rejects with this reason."""

    outcome: ClassVar[Outcome] = Outcome.REJECTED

    def __init__(self, detail: str) -> None:
        super().__init__(detail, log_level="INFO")
        self.detail = detail


class InvalidRow(Refused):
    """A value is not of its column's type."""


class UnknownLayout(Refused):
    """No layout of the newspaper fits the page."""


class NoHeadline(Refused):
    """The page has no headline where a story has one."""


class NoBody(Refused):
    """The page has no text where a story has one."""


class TooLong(Refused):
    """A field is longer than any newspaper's."""


class NoLanguage(Refused):
    """The text is in no language: it has no letters, or its bytes were read in the wrong encoding."""


class Unchanged(Refused):
    """The story is known and nothing of it changed: it is seen again, not kept again."""

    outcome = Outcome.UNCHANGED


class ExactDuplicate(Refused):
    """The words are those of a story that is kept under another id."""

    outcome = Outcome.EXACT_DUPLICATE

    def __init__(self, detail: str, of: str) -> None:
        super().__init__(detail)
        self.of = of
