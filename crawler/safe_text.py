"""Foreign text made safe for logs, terminals and JSON."""

import unicodedata

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
