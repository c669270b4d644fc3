"""Foreign text made safe for logs, terminals and JSON."""

import json
import re
import unicodedata
from datetime import datetime
from typing import Any

LONGEST_REASON = 200
_JOINERS = "\u200c\u200d"
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))


def one_line(text: str, limit: int = LONGEST_REASON) -> str:
    """The text as one line of at most `limit` characters, with every control and format character made a blank.

    The two joiners stay: without them Bengali words look otherwise, and alone they do nothing.
    """
    printable = "".join(c if c in _JOINERS or unicodedata.category(c) not in _UNSAFE else " " for c in text)
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


# Within JSON text: control characters that it allows, and marks that reorder a line. Joiners are letters to Bengali.
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def as_json(value: Any, indent: int | None = 1) -> str:
    """Format a value as JSON that is safe to print: Bengali as it is, control characters escaped, times in ISO 8601."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=datetime.isoformat)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
