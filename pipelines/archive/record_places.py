"""Places of the records in an archive file, up to the first damage."""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipelines.storage.errors import storage_errors

_PIECE = 2**16
#: Offset and length of a record.
Place = tuple[int, int]


def whole_records(place: Path, size: int | None = None) -> tuple[list[Place], int | None]:
    """Return the places of the records of an archive file, and the offset of the first damage or None.

    :param size: bytes of the file to read; by default all
    """
    starts: list[int] = []
    with storage_errors("read", place), place.open("rb") as file:
        size = place.stat().st_size if size is None else size
        try:
            for record in ArchiveIterator(file, parse_http=False):
                if record.stream_pos >= size:
                    break
                starts.append(record.stream_pos)
                if record.record_type == WarcRecordType.unknown or not record.verify_block_digest():
                    return [*_places(starts)], starts[-1]
        except (ValueError, OverflowError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
    end = _end_of_member(place, starts[-1], size) if starts else 0
    if end is None:
        return [*_places(starts)], starts[-1]
    return [*_places([*starts, end])], end if end < size else None


def _end_of_member(place: Path, start: int, size: int) -> int | None:
    """Return the end of a gzip member, the last that was read, or None if it is cut off or damaged.

    FastWARC takes what follows it for padding.
    """
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    left = size - start
    with storage_errors("read", place), place.open("rb") as file, suppress(zlib.error):
        file.seek(start)
        while left and not inflater.eof and (piece := file.read(min(left, _PIECE))):
            inflater.decompress(piece)
            left -= len(piece)
    return size - left - len(inflater.unused_data) if inflater.eof else None


def _places(starts: list[int]) -> Iterator[Place]:
    return ((start, end - start) for start, end in pairwise(starts))
