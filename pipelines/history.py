"""History: every revision of a story that is kept, and what changed from one to the next, word by word."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from crawler.records import Story, columns_of
from pipelines.storage import Dataset
from pipelines.tables import TABLES

# What differs from one revision to the next by its nature.
_BY_NATURE = {"revision", "fetched_at", "content_hash", "run_id", "word_count", "layout"}
_WORD = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text in a difference: kept, added or removed."""

    act: str  # "kept", "added" or "removed"
    text: str


def revisions_of(dataset: Dataset, story_id: str) -> list[dict[str, Any]]:
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
    """What was removed and what was added, in whole words, between runs of what was kept."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    pieces = []
    for act, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if act == "equal":
            pieces.append(Piece("kept", "".join(old[a:b])))
            continue
        if b > a:
            pieces.append(Piece("removed", "".join(old[a:b])))
        if d > c:
            pieces.append(Piece("added", "".join(new[c:d])))
    return pieces


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
