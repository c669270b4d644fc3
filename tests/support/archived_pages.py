"""Archived pages, read by warcio."""

from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator


def archived_page(data: Path, place: str) -> str:
    """Return the decoded page at a place (`file:offset`) of the archive."""
    name, _, offset = place.rpartition(":")
    with (data / name).open("rb") as file:
        file.seek(int(offset))
        return body_of(next(iter(ArchiveIterator(file)))).decode()


def body_of(record: Any, *, as_sent: bool = False) -> bytes:
    stream = record.raw_stream if as_sent else record.content_stream()
    return b"".join(iter(stream.read, b""))
