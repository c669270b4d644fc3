"""Escaping of untrusted text for logs, terminals and JSON."""

import json
import re
import unicodedata
from datetime import datetime
from typing import Any

#: Regular expression class of unsafe characters: controls except tab and newline, line separators, marks that change
#: the text direction, byte-order marks and lone surrogates. The two joiners, which Bengali needs, are not included.
UNSAFE = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_UNSAFE = re.compile(f"[{UNSAFE}]")
_JOINERS = "\u200c\u200d"
_INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def one_line(text: str, limit: int = 200) -> str:
    """Return a text as one line of at most ``limit`` characters.

    Control and format characters are replaced by spaces.
    """
    printable = "".join(
        c if c in _JOINERS or unicodedata.category(c) not in _INVISIBLE_CATEGORIES else " " for c in text
    )
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape_lines(text: str) -> str:
    """Return the text with unsafe characters escaped (`\\x1b`) and all lines but the first indented.

    An indented line cannot be mistaken for the first line of a log record, which begins with a date.
    """
    return escape_unsafe(text).replace("\n", "\n    ")


def escape_unsafe(text: str) -> str:
    r"""Return the text with unsafe characters escaped (`\x1b`); line breaks are kept."""
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text.replace("\r\n", "\n"))


def escape_json(text: str) -> str:
    """Escape the characters of JSON text that a terminal could interpret; Bengali letters are not escaped."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_json(value: Any, indent: int | None = 1) -> str:
    """Return a value as JSON that is safe to print, with times in ISO 8601."""
    return escape_json(json.dumps(value, ensure_ascii=False, indent=indent, default=datetime.isoformat))
