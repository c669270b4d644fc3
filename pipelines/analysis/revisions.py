"""Reading of the revisions of a story, and comparison of two revisions by phrases."""

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
_NOT_COMPARED = {
    "revision",
    "fetched_at",
    "appeared_after",
    "appeared_by",
    "content_hash",
    "run_id",
    "word_count",
    "layout",
}
_WORD = re.compile(r"\s+|[^\s]+")
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")
# Limit of the number of words before times the number of words after. A larger comparison would take seconds, and its
# result would be unreadable.
MAX_COMPARISONS = 4_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Piece of text in the comparison of two texts; ``act`` is `kept`, `added` or `removed`."""

    act: str
    text: str


def read_revisions(data_folder: DataFolder, story_id: str) -> list[dict[str, Any]]:
    """Return the rows of all revisions of a story, oldest first; the last one is its current row in `stories`."""
    rows: list[dict[str, Any]] = []
    for name in ("revisions", "stories"):
        table = open_table(name, data=data_folder.root, columns=TABLES[name].schema.names)
        rows += table.to_arrow(pc.field("story_id") == story_id).to_pylist()
    return sorted(rows, key=lambda row: int(row["revision"]))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, list[Piece]]]:
    """Yield the name and the difference of each column that differs between two revisions of a story."""
    for column in columns_of(Story):
        old, new = before[column.name], after[column.name]
        if old != new and column.name not in _NOT_COMPARED:
            yield column.name, difference(_text(old), _text(new))


def difference(before: str, after: str) -> list[Piece]:
    """Compare two texts; return their pieces in order, each marked as kept, added or removed.

    Whole paragraphs are compared first, which is faster for a long text with few changes.
    """
    pieces: list[Piece] = []
    for act, text in _compare_paragraphs(_LINE.findall(before), _LINE.findall(after)):
        if text and pieces and pieces[-1].act == act:
            pieces[-1] = Piece(act, pieces[-1].text + text)
        elif text:
            pieces.append(Piece(act, text))
    return pieces


_Block = tuple[list[str], list[str]]  # tokens of both texts; equal if kept


def _compare_paragraphs(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    for before, after in _blocks(old, new):
        if before == after:
            yield "kept", "".join(before)
            continue
        is_paired = len(before) == len(after)
        for one, other in zip(before, after, strict=True) if is_paired else [("".join(before), "".join(after))]:
            yield from _compare_words(_WORD.findall(one), _WORD.findall(other))


def _compare_words(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the kept, removed and added phrases of a paragraph.

    Kept words between two changes are treated as changed too, if they are not more than the changed words on either
    side; the result is then one longer phrase. If less than half of the paragraph is kept, the whole old paragraph is
    yielded as removed and the whole new one as added.
    """
    phrases: list[_Block] = []
    for block in _blocks(old, new):
        phrases.append(block)
        while len(phrases) > 2 and phrases[-2][0] == phrases[-2][1] and _is_minor(*phrases[-3:]):
            last = phrases[-3:]
            phrases[-3:] = [([*last[0][0], *last[1][0], *last[2][0]], [*last[0][1], *last[1][1], *last[2][1]])]
    kept = sum(_words(before) for before, after in phrases if before == after)
    if 2 * kept < min(_words(old), _words(new)):
        phrases = [(old, new)]
    for before, after in phrases:
        if before == after:
            yield "kept", "".join(before)
        else:
            yield from (("removed", "".join(before)), ("added", "".join(after)))


def _blocks(old: list[str], new: list[str]) -> list[_Block]:
    if len(old) * len(new) > MAX_COMPARISONS:
        return [(old, new)]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(old[a:b], new[c:d]) for _, a, b, c, d in matcher.get_opcodes()]


def _is_minor(before: _Block, kept: _Block, after: _Block) -> bool:
    return _words(kept[0]) <= min(max(map(_words, changed)) for changed in (before, after))


def _words(tokens: list[str]) -> int:
    return sum(not token.isspace() for token in tokens)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
