"""Log records whose text is escaped, so that text from a web page cannot imitate a log record.

A record is a line of text followed by indented lines or, with `KHOBOR_LOG_FORMAT=json`, one line of JSON. The module
replaces the factory of log records and not a formatter, because Scrapy creates its log handlers and logs its first
lines before it creates any component of a crawl.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Self

from scrapy import Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

from crawler.items import record_of
from crawler.safe_text import escape_json, escape_lines


class PlainRecord(logging.LogRecord):
    """Log record that escapes its message and traceback, whatever formatter prints it."""

    def getMessage(self) -> str:  # noqa: N802
        return escape_lines(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = escape_lines(f"\n{text}")[1:] if text else text


class JsonRecord(logging.LogRecord):
    """Log record whose message is a JSON object; the log format is `%(message)s`."""

    #: Name of the site and id of the run, included in all records of the process.
    site: ClassVar[str | None] = None
    run_id: ClassVar[str | None] = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # A formatter would append both as further lines.
        self._traceback, self.exc_info, self.stack_info = self.exc_info, None, None

    def getMessage(self) -> str:  # noqa: N802
        exception = (
            "".join(traceback.format_exception(*self._traceback)) if self._traceback and self._traceback[0] else None
        )
        at = datetime.fromtimestamp(self.created, UTC)
        return json_line(self.levelname, self.name, super().getMessage(), at, exception)


def json_line(level: str, logger: str, message: str, at: datetime | None = None, exception: str | None = None) -> str:
    """Return a log record as one line of JSON.

    It includes the site and the run of this process, and the time in ISO 8601.
    """
    record = {
        "time": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": logger,
        "message": message,
        "site": JsonRecord.site,
        "run_id": JsonRecord.run_id,
    }
    return escape_json(json.dumps(record | ({"exception": exception} if exception else {}), ensure_ascii=False))


def write_json(site: str | None, run_id: str | None) -> None:
    """Write the log of this process as JSON, including the traceback of an exception that ends the process."""

    def log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        exception = "".join(traceback.format_exception(kind, error, trace))
        line = json_line("CRITICAL", "khobor", f"{kind.__name__}: {error}", exception=exception)
        print(line, file=sys.stderr, flush=True)

    JsonRecord.site, JsonRecord.run_id = site, run_id
    logging.setLogRecordFactory(JsonRecord)
    sys.excepthook = log_uncaught


def writes_json() -> bool:
    return logging.getLogRecordFactory() is JsonRecord


class PlainLog(LogFormatter):
    """Scrapy log formatter that escapes log records and does not print dropped items in full."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not writes_json():
            logging.setLogRecordFactory(PlainRecord)
        return super().from_crawler(crawler)

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {
            "level": logging.INFO,
            "msg": "%(reason)s: %(exception)s (%(url)s)",
            "args": {"reason": type(exception).__name__, "exception": exception, "url": _url(item, response)},
        }

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        return {
            "level": logging.ERROR,
            "msg": "an item pipeline failed on a %(kind)s of %(url)s",
            "args": {"kind": type(record_of(item)).__name__, "url": _url(item, response)},
        }


def _url(item: Any, response: Response | Failure | None) -> str:
    return getattr(record_of(item), "url", None) or (response.url if isinstance(response, Response) else "")
