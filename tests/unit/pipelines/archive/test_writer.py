"""Archive files: read by warcio, and after errors and kills."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from crawler.downloader.errors import FetchError
from pipelines.archive.record_removal import remove_records
from pipelines.archive.torn_tails import cut_torn_tails, record_archive_files
from pipelines.archive.writer import ArchiveWriter
from pipelines.publishing.verify import check
from pipelines.storage import failpoint
from pipelines.storage.data_folder import DataFolder
from pipelines.storage.errors import StorageError
from tests.support.archived_pages import archived_page, body_of
from tests.support.builders import JANUARY, LedgerFolder, make_exchange, make_fetch

RUN = "20250110T060000Z-kalbela-0001"
URL = "https://www.kalbela.com/world/1"
PAGE = "<p>উদ্‌যাপনের খবর</p>".encode() * 100


@pytest.fixture
def writer(kept: LedgerFolder) -> ArchiveWriter:
    kept.ledger.runs.begin(RUN, JANUARY, "full")
    return ArchiveWriter(kept.dataset, kept.ledger, RUN)


def records_of(kept: LedgerFolder) -> list[dict[str, Any]]:
    found = []
    for path in kept.dataset.archive_files("kalbela"):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, check_digests="raise"):
                fields = dict(record.http_headers.headers) if record.http_headers else {}
                warc = dict(record.rec_headers.headers)
                found.append({"type": record.rec_type, "http": fields, "warc": warc, "body": body_of(record)})
    return found


def test_response_reads_back_as_sent(kept: LedgerFolder, writer: ArchiveWriter) -> None:
    headers = [(b"Content-Encoding", b"gzip"), (b"X-Odd", b"\xe0\xa6\x95 \xff"), (b"X-Twice", b"1"), (b"X-Twice", b"2")]
    place = writer.write(make_exchange(URL, body=gzip.compress(PAGE), headers=headers, is_chunked=True))
    writer.close()
    about, response, request = records_of(kept)
    assert [each["type"] for each in (about, response, request)] == ["warcinfo", "response", "request"]
    assert response["body"] == PAGE
    assert response["http"] == {
        "Content-Encoding": "gzip",
        "X-Odd": "ক \udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        "X-Twice": "2",
        "X-Crawler-Transfer-Encoding": "chunked",
    }
    assert datetime.fromisoformat(response["warc"]["WARC-Date"]) == JANUARY
    assert request["warc"]["WARC-Concurrent-To"] == response["warc"]["WARC-Record-ID"]
    with (kept.dataset.root / place[0]).open("rb") as file:
        file.seek(place[1])
        assert len(gzip.decompress(file.read(place[2]))) > len(gzip.compress(PAGE))
        file.seek(0)
        assert [record.verify_block_digest() for record in FastIterator(file, parse_http=False)] == [True] * 3


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Proxy-Authorization", "proxy-connection"])
def test_secrets_of_requests_are_left_out(kept: LedgerFolder, writer: ArchiveWriter, name: str) -> None:
    writer.write(make_exchange(URL, request_headers=[(name.encode(), b"secret"), (b"Accept", b"*/*")]))
    writer.close()
    assert records_of(kept)[-1]["http"] == {"Host": "www.kalbela.com", "Accept": "*/*"}


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie2", "X-Client-IP", "CF-Connecting-IP", "Transfer-Encoding"])
def test_private_headers_of_responses_are_left_out(kept: LedgerFolder, writer: ArchiveWriter, name: str) -> None:
    writer.write(make_exchange(URL, headers=[(name.encode(), b"private"), (b"ETag", b"a")]))
    writer.close()
    assert records_of(kept)[1]["http"] == {"ETag": "a"}


@pytest.mark.parametrize(("has_addresses", "address"), [(True, "192.0.2.7"), (False, None)])
def test_address_is_that_of_server(kept: LedgerFolder, has_addresses: bool, address: str | None) -> None:
    writer = ArchiveWriter(kept.dataset, kept.ledger, RUN, has_addresses=has_addresses)
    writer.write(make_exchange(URL, truncated="disconnect"))
    writer.close()
    warc = records_of(kept)[1]["warc"]
    assert (warc.get("WARC-IP-Address"), warc["WARC-Truncated"]) == (address, "disconnect")


def test_night_is_in_two_files(kept: LedgerFolder, writer: ArchiveWriter) -> None:
    midnight = datetime(2025, 1, 10, 18, tzinfo=UTC)  # in Dhaka
    for second in (-1, 0, 1):
        writer.write(make_exchange(f"{URL}{second}", midnight + timedelta(seconds=second)))
    writer.close()
    assert [path.parent.name for path in kept.dataset.archive_files("kalbela")] == [
        "date=2025-01-10",
        "date=2025-01-11",
    ]
    assert [each["type"] for each in records_of(kept)].count("warcinfo") == 2


def test_uncommitted_tail_is_cut_off(kept: LedgerFolder, writer: ArchiveWriter) -> None:
    first = writer.write(make_exchange(URL))
    kept.ledger.commit()
    size = (kept.dataset.root / first[0]).stat().st_size
    writer.write(make_exchange(f"{URL}2"))
    kept.ledger._sql.execute("ROLLBACK")  # as a kill does
    with (kept.dataset.root / first[0]).open("ab") as file:
        file.write(b"\x1f\x8b\x08torn")
    assert (kept.dataset.root / first[0]).stat().st_size > size
    cut_torn_tails(kept.dataset, kept.ledger, RUN)
    assert (kept.dataset.root / first[0]).stat().st_size == size
    assert check(kept.dataset, kept.ledger) == []


def test_file_without_commit_is_removed(kept: LedgerFolder, writer: ArchiveWriter) -> None:
    writer.write(make_exchange(URL))
    kept.ledger._sql.execute("ROLLBACK")
    cut_torn_tails(kept.dataset, kept.ledger, RUN)
    assert kept.dataset.archive_files("kalbela") == []


@pytest.mark.parametrize("place", ["archive.written", "archive.opened"])
def test_failed_write_leaves_whole_records(kept: LedgerFolder, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[BaseException] = []
    writer = ArchiveWriter(kept.dataset, kept.ledger, RUN, give_up=errors.append)
    writer.write(make_exchange(URL))
    failpoint.arm({"KHOBOR_FAILPOINT": f"{place}=enospc", "KHOBOR_TESTING": "1"})
    for _ in range(2):
        with pytest.raises(FetchError):
            writer.write(make_exchange(f"{URL}2", JANUARY + timedelta(days=place == "archive.opened")))
    writer.close()
    assert all(isinstance(error, StorageError) for error in errors)
    assert [each["body"] for each in records_of(kept) if each["type"] == "response"] == [b"<p>page</p>"]
    kept.ledger.commit()
    assert check(kept.dataset, kept.ledger) == []


def test_unsynced_records_are_not_committed(kept: LedgerFolder, writer: ArchiveWriter) -> None:
    place = writer.write(make_exchange(URL))
    kept.ledger.commit()
    with kept.ledger.savepoint():
        writer.write(make_exchange(f"{URL}2"))
        kept.ledger.urls.record(make_fetch(2))
    failpoint.arm({"KHOBOR_FAILPOINT": "archive.synced=eio", "KHOBOR_TESTING": "1"})
    with pytest.raises(StorageError):
        kept.ledger.commit()
    writer.close()
    assert kept.ledger.outbox.size() == 0
    assert kept.ledger.archive_files.sizes() == {place[0]: (kept.dataset.root / place[0]).stat().st_size}
    with pytest.raises(FetchError):
        writer.write(make_exchange(URL))


def lose(path: Path) -> None:
    path.unlink()


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"tail")


def remove_one(path: Path) -> None:
    dataset = DataFolder(path.parents[3])
    assert remove_records(dataset, "kalbela", path, make_fetch(2).url.__eq__) == (1, 0)


def double(path: Path) -> None:
    path.with_name("20250110T060000Z-kalbela-0002.warc.gz").write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("damage", "kinds"),
    [
        (lambda path: None, set()),
        (lose, {"archive_lost"}),
        (shorten, {"archive_lost"}),
        (flip, {"archive_lost"}),
        (lengthen, {"archive_lost"}),
        (remove_one, {"archive_lost"}),
        (double, {"archive_unrecorded"}),
    ],
)
def test_check_finds_damage(
    kept: LedgerFolder, writer: ArchiveWriter, damage: Callable[[Path], None], kinds: set[str]
) -> None:
    for number in range(5):
        fetch = make_fetch(number)
        place = writer.write(make_exchange(fetch.url, body=PAGE))
        fetch.archive_file, fetch.archive_offset, fetch.archive_length = place
        kept.ledger.urls.record(fetch)
    writer.close()
    kept.ledger.runs.end(RUN, JANUARY, "finished", None)
    kept.publish()
    assert archived_page(kept.dataset.root, f"{place[0]}:{place[1]}") == PAGE.decode()
    damage(kept.dataset.root / place[0])
    assert {str(fault.damage) for fault in check(kept.dataset, kept.ledger)} == kinds


@pytest.mark.parametrize(("damage", "is_kept"), [(shorten, False), (flip, True), (lengthen, False)])
def test_new_ledger_takes_archive_in(
    kept: LedgerFolder, writer: ArchiveWriter, damage: Callable[[Path], None], is_kept: bool
) -> None:
    for number in range(5):
        writer.write(make_exchange(f"{URL}{number}", body=PAGE))
    writer.close()
    [path] = kept.dataset.archive_files("kalbela")
    damage(path)
    size = path.stat().st_size
    record_archive_files(kept.dataset, kept.ledger)
    assert (path.stat().st_size == size) == is_kept
    assert [*kept.ledger.archive_files.sizes().values()] == [path.stat().st_size]
    assert is_kept or len(records_of(kept)) == (10 if damage is shorten else 11)
