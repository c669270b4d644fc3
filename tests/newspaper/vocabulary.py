"""The words of `vocabulary.txt`, by kind."""

from pathlib import Path
from typing import Final

from .bengali_text import ZWJ, ZWNJ, stored


def _read() -> dict[str, tuple[str, ...]]:
    kinds: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (Path(__file__).parent / "vocabulary.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            current = kinds.setdefault(line.strip("[]"), [])
        elif line and not line.startswith(";"):
            words = (stored(word.replace("^", ZWJ).replace("~", ZWNJ)) for word in line.split(","))
            current.extend(word for word in words if word)
    return {kind: tuple(dict.fromkeys(words)) for kind, words in kinds.items()}


WORDS: Final = _read()
