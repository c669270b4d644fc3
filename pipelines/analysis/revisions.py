"""History: every revision of a story that is kept, and what changed from one to the next, word by word."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.items import Story, columns_of
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.tables import TABLES

# What differs from one revision to the next by its nature.
_BY_NATURE = {"revision", "fetched_at", "content_hash", "run_id", "word_count", "layout"}
_WORD = re.compile(r"\s+|[^\s]+")
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")
# Words before times words after: beyond it the search would take seconds, and nobody could read what it found.
MOST_STEPS = 4_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in a difference: kept, added or removed."""

    act: str  # "kept", "added" or "removed"
    text: str


def revisions_of(dataset: DataFolder, story_id: str) -> list[dict[str, Any]]:
    """All revisions of a story, oldest first; the last is the one in `stories`. Empty for a story that is not kept."""
    found: list[dict[str, Any]] = []
    for name in ("revisions", "stories"):
        folder = dataset.root / name
        if folder.is_dir():
            table = ds.dataset(folder, schema=TABLES[name].schema, format="parquet", exclude_invalid_files=False)
            found += table.to_table(filter=pc.field("story_id") == story_id).to_pylist()
    return sorted(found, key=lambda row: int(row["revision"]))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, list[Piece]]]:
    """The columns that changed between two revisions, in the table's order, each with its difference."""
    for column in columns_of(Story):
        old, new = before[column.name], after[column.name]
        if old != new and column.name not in _BY_NATURE:
            yield column.name, difference(_text(old), _text(new))


def difference(before: str, after: str) -> list[Piece]:
    """What was removed and what was added, in whole words, between runs of what was kept.

    Paragraphs are compared first, so that a long text with few changes is told in milliseconds.
    """
    pieces: list[Piece] = []
    for act, text in _by_paragraph(before, after):
        if text and pieces and pieces[-1].act == act:
            pieces[-1] = Piece(act, pieces[-1].text + text)
        elif text:
            pieces.append(Piece(act, text))
    return pieces


def _by_paragraph(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = _LINE.findall(before), _LINE.findall(after)
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield "kept", "".join(old[a:b])
        elif b - a == d - c:
            for line, other in zip(old[a:b], new[c:d], strict=True):
                yield from _by_word(line, other)
        else:
            yield from _by_word("".join(old[a:b]), "".join(new[c:d]))


def _by_word(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) * len(new) > MOST_STEPS:
        yield from (("removed", before), ("added", after))
        return
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            yield "kept", "".join(old[a:b])
        else:
            yield from (("removed", "".join(old[a:b])), ("added", "".join(new[c:d])))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
