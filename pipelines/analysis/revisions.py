"""Reading of the revisions of a story, and word-by-word comparison of two revisions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import pyarrow.compute as pc

from crawler.items import Story, columns_of
from pipelines.analysis.open_table import open_table
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

# Columns that differ between any two revisions, or are derived from others.
_NOT_COMPARED = {"revision", "fetched_at", "content_hash", "run_id", "word_count", "layout"}
_WORD = re.compile(r"\s+|[^\s]+")
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")
# Limit of the number of words before times the number of words after. A larger comparison would take seconds, and its
# result would be unreadable.
MAX_COMPARISONS = 4_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text in the comparison of two texts; ``act`` is `kept`, `added` or `removed`."""

    act: str
    text: str


def read_revisions(data_folder: DataFolder, story_id: str) -> list[dict[str, Any]]:
    """Return all revisions of a story, oldest first; the last one is the current row in `stories`."""
    rows: list[dict[str, Any]] = []
    for name in ("revisions", "stories"):
        table = open_table(name, data=data_folder.root, columns=TABLES[name].schema.names)
        rows += table.to_arrow(pc.field("story_id") == story_id).to_pylist()
    return sorted(rows, key=lambda row: int(row["revision"]))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, list[Piece]]]:
    """Yield the name and word-by-word difference of each column that changed between two revisions, in table order."""
    for column in columns_of(Story):
        old, new = before[column.name], after[column.name]
        if old != new and column.name not in _NOT_COMPARED:
            yield column.name, difference(_text(old), _text(new))


def difference(before: str, after: str) -> list[Piece]:
    """Compare two texts word by word, and return the pieces that were kept, added or removed.

    Whole paragraphs are compared first, which is faster for a long text with few changes.
    """
    pieces: list[Piece] = []
    for act, text in _compare(before, after, _LINE):
        if text and pieces and pieces[-1].act == act:
            pieces[-1] = Piece(act, pieces[-1].text + text)
        elif text:
            pieces.append(Piece(act, text))
    return pieces


def _compare(before: str, after: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    old, new = pattern.findall(before), pattern.findall(after)
    if len(old) * len(new) > MAX_COMPARISONS:
        yield from (("removed", before), ("added", after))
        return
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield "kept", "".join(old[a:b])
        elif pattern is _LINE:
            pairs = zip(old[a:b], new[c:d], strict=True) if b - a == d - c else [("".join(old[a:b]), "".join(new[c:d]))]
            for one, other in pairs:
                yield from _compare(one, other, _WORD)
        else:
            yield from (("removed", "".join(old[a:b])), ("added", "".join(new[c:d])))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
