"""Logs: whatever a page says, a record is one record, and nothing in it is a command to a terminal.

A record is a line and further ones that are indented, or with `KHOBOR_LOG_FORMAT=json` one line with a JSON object.
"""

import json
import logging
import re
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


class JsonRecord(logging.LogRecord):
    """A record whose message is all of it, as one line of JSON; made for the format `%(message)s`."""

    #: Whose run it is, for every record of the process.
    site: ClassVar[str | None] = None
    run_id: ClassVar[str | None] = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._trace, self.exc_info = self.exc_info, None  # or its lines would be added to ours
        self.stack_info = None

    def getMessage(self) -> str:  # noqa: N802
        trace = self._trace
        return json_line(
            self.levelname,
            self.name,
            super().getMessage(),
            at=datetime.fromtimestamp(self.created, UTC),
            site=self.site,
            run_id=self.run_id,
            exception="".join(traceback.format_exception(*trace)) if trace and trace[0] else None,
        )


def json_line(
    level: str,
    logger: str,
    message: str,
    *,
    at: datetime | None = None,
    site: str | None = None,
    run_id: str | None = None,
    exception: str | None = None,
) -> str:
    """A record as a JSON object in one line, `time` in ISO 8601, and `exception` only where there is one.

    Bengali stays as it is; what a terminal could take for a command is escaped.
    """
    record = {
        "time": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": logger,
        "message": message,
        "site": site,
        "run_id": run_id,
    }
    line = json.dumps(record | ({"exception": exception} if exception else {}), ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def write_json(site: str | None, run_id: str | None) -> None:
    """Let every record of this process from now on be one line of JSON, and an error that ends it, too."""

    def end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        exception = "".join(traceback.format_exception(kind, error, trace))
        said = json_line(
            "CRITICAL", "khobor", f"{kind.__name__}: {error}", site=site, run_id=run_id, exception=exception
        )
        print(said, file=sys.stderr, flush=True)

    JsonRecord.site, JsonRecord.run_id = site, run_id
    logging.setLogRecordFactory(JsonRecord)
    sys.excepthook = end


def writes_json() -> bool:
    """Whether the records of this process are JSON."""
    return logging.getLogRecordFactory() is JsonRecord


class PlainLog(LogFormatter):
    """Makes every record of the process harmless, and does not print whole stories where they are refused."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not writes_json():
            logging.setLogRecordFactory(PlainRecord)
        return super().from_crawler(crawler)

    def dropped(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        where = getattr(record_of(item), "url", None) or _url(response)
        args = {"kind": type(exception).__name__, "exception": exception, "where": where}
        return {"level": logging.INFO, "msg": "%(kind)s: %(exception)s (%(where)s)", "args": args}

    def item_error(
        self, item: Any, exception: BaseException, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult:
        where = getattr(record_of(item), "url", None) or _url(response)
        args = {"kind": type(record_of(item)).__name__, "where": where}
        return {"level": logging.ERROR, "msg": "A step crashed with a %(kind)s of %(where)s", "args": args}


def _url(response: Response | Failure | None) -> str:
    return response.url if isinstance(response, Response) else ""
