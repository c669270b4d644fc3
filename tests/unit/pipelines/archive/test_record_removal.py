"""Removal of single archived records: the others stay in place, and every reader skips what replaces the removed."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipelines.archive.record_places import whole_records
from pipelines.archive.record_removal import remove_records
from pipelines.archive.warc_reader import WarcReader, read_response
from pipelines.archive.writer import ArchiveWriter
from tests.support.builders import JANUARY, SITE, LedgerFolder, make_exchange

RUN, URL = "20250110T063015Z-kalbela-1a2b", "https://www.kalbela.com/world/"


def archived(root: Path, *sizes: int) -> tuple[LedgerFolder, Path, list[tuple[str, int, int]]]:
    """Archive a page of each size; return the file and the places of the responses."""
    kept = LedgerFolder.at(root)
    writer = ArchiveWriter(kept.dataset, kept.ledger, RUN)
    places = [
        writer.write(make_exchange(f"{URL}{n}", JANUARY + timedelta(seconds=n), body=bytes(range(256)) * size))
        for n, size in enumerate(sizes)
    ]
    writer.close()
    return kept, kept.dataset.root / places[0][0], places


def read(place: Path) -> list[str]:
    return [response.url for response in WarcReader(place)]


@pytest.mark.parametrize("seed_length", range(0, 40, 3))
def test_other_records_keep_their_places(tmp_path: Path, seed_length: int) -> None:
    kept, place, places = archived(tmp_path, 2, seed_length, 900, 3)
    size, removed = place.stat().st_size, {f"{URL}1", f"{URL}2"}
    assert remove_records(kept.dataset, SITE, place, removed.__contains__) == (2, 0)
    assert place.stat().st_size == size
    assert read(place) == [f"{URL}0", f"{URL}3"]
    with place.open("rb") as file:
        for n, (name, offset, length) in enumerate(places):
            response = read_response(file, name, offset, length)
            assert (response.url if response else None) == (None if n in (1, 2) else f"{URL}{n}")
        file.seek(0)
        records = [*ArchiveIterator(io.BytesIO(file.read()), check_digests="raise")]
    assert [record.rec_type for record in records].count("metadata") == 1
    assert whole_records(place)[1] is None
    assert remove_records(kept.dataset, SITE, place, removed.__contains__) == (0, 0)
    kept.close()


def test_damaged_record_is_removed_by_its_header(tmp_path: Path) -> None:
    kept, place, places = archived(tmp_path, 400, 400, 400)
    content = bytearray(place.read_bytes())
    for n in (0, 1):  # in the body of one, and in the header of the other
        at = places[n][1] + (places[n][2] - 12 if n == 0 else 12)
        content[at : at + 8] = b"\xff" * 8
    place.write_bytes(content)
    removed, unreadable = remove_records(kept.dataset, SITE, place, f"{URL}0".__eq__)
    assert (removed, unreadable) == (1, 1)
    assert read(place)[-1] == f"{URL}2"
    assert len(content) == place.stat().st_size
    kept.close()
