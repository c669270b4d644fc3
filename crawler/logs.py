"""Logs: whatever a page says, a record is one record, and nothing in it is a command to a terminal."""

import logging
import re
from typing import Any, Self

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

# Control characters, marks that reorder a line, and what some readers take for the end of one. The two joiners are
# letters to Bengali, and a new line is told apart by what stands before it.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_INDENT = "    "


def harmless(text: str) -> str:
    """The text with unsafe characters written out (`\\x1b`), and each of its further lines indented.

    So no line of it can be mistaken for the first line of a record, which begins with a date.
    """
    shown = _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))
    return shown.replace("\n", f"\n{_INDENT}")


class PlainRecord(logging.LogRecord):
    """A record whose message, and whose text of an exception, are harmless whoever formats it."""

    def getMessage(self) -> str:  # noqa: N802
        return harmless(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = _INDENT + harmless(text) if text else text


class PlainLog(LogFormatter):
    """Makes every record of the process harmless, and does not print whole stories where they are refused."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        logging.setLogRecordFactory(PlainRecord)
        return super().from_crawler(crawler)

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        where = getattr(item, "url", None) or _url(response)
        args = {"kind": type(exception).__name__, "exception": exception, "where": where}
        return {"level": logging.INFO, "msg": "%(kind)s: %(exception)s (%(where)s)", "args": args}

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        where = getattr(item, "url", None) or _url(response)
        args = {"kind": type(item).__name__, "where": where}
        return {"level": logging.ERROR, "msg": "A step crashed with a %(kind)s of %(where)s", "args": args}


def _url(response: Response | Failure | None) -> str:
    return response.url if isinstance(response, Response) else ""
