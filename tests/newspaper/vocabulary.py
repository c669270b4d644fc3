"""Words of `vocabulary.txt` and patterns of `patterns.txt`, by kind."""

from pathlib import Path
from typing import Final

from .bengali_text import ZWJ, ZWNJ, stored


def lines_of(file: str) -> dict[str, list[str]]:
    """Return the lines of a text file under each [heading], without blank lines and `;` comments."""
    kinds: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / file).read_text("utf-8").splitlines():
        if line.startswith("["):
            kinds[line.strip("[]")] = []
        elif line and not line.startswith(";"):
            kinds[[*kinds][-1]].append(line)
    return kinds


def _words(lines: list[str]) -> tuple[str, ...]:
    words = (stored(word.replace("^", ZWJ).replace("~", ZWNJ)) for line in lines for word in line.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


PATTERNS: Final = lines_of("patterns.txt")
WORDS: Final = {kind: _words(lines) for kind, lines in lines_of("vocabulary.txt").items()}
