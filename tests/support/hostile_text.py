"""Hostile text of a page, and patterns to check that the output is safe."""

import logging
import re
from typing import Any

# Two terminal escapes, a forged log record, two kinds of markup, and a bidirectional control.
HOSTILE_TEXT = (
    "\x1b[2J\x9b2J খবর\r\n2026-01-01 00:00:00 [root] CRITICAL: forged\n[red]লাল[/red] <b>&amp; \u202eled\u2028র\u200d্যাব"
)
UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
FORGED = re.compile(r"^2026-01-01", re.MULTILINE)


def make_log_record(kind: type[logging.LogRecord], **more: Any) -> Any:
    """Return a log record of a class with the given attributes."""
    values = {"name": "a", "level": 40, "pathname": "", "lineno": 1, "msg": "", "args": None, "exc_info": None}
    return kind(**(values | more))


def raised(text: str) -> Any:
    """Return the `exc_info` of an error with this text."""
    try:
        raise ValueError(text)
    except ValueError as error:
        return type(error), error, error.__traceback__
