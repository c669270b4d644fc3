"""Evil: what a page may say to do harm wherever it comes out, and how to tell that it did none."""

import logging
import re
from typing import Any

# A command to a terminal in two spellings, a forged record, markup of two kinds, and a line that runs backwards.
HOSTILE_TEXT = (
    "\x1b[2J\x9b2J খবর\r\n2026-01-01 00:00:00 [root] CRITICAL: forged\n[red]লাল[/red] <b>&amp; \u202eled\u2028র\u200d্যাব"
)
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
FORGED = re.compile(r"^2026-01-01", re.MULTILINE)


def make_log_record(kind: type[logging.LogRecord], **more: Any) -> Any:
    """A log record of a kind, with these of its values."""
    values = {"name": "a", "level": 40, "pathname": "", "lineno": 1, "msg": "", "args": None, "exc_info": None}
    return kind(**(values | more))


def raised(text: str) -> Any:
    """What `exc_info` is of an error that says this."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return type(error), error, error.__traceback__
