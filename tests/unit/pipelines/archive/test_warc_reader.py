"""Reading of WARC files: those of warcio, and the same ones damaged in every way that is known to occur."""

import gzip
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.archive.records import Original
from pipelines.archive.warc_reader import WarcReader, read_response
from tests.support.warc_records import BODY, DAMAGE, DATE, FORMS, STREAMS, length, six_records, written


@pytest.fixture(params=list(FORMS))
def form(request: pytest.FixtureRequest) -> Callable[[list[bytes]], bytes]:
    return FORMS[request.param]


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def numbers(reader: WarcReader) -> list[int]:
    return [int(response.url.rpartition("/")[2]) for response in reader]


@pytest.mark.parametrize("version", [b"0.17", b"0.18", b"1.0", b"1.1"])
@pytest.mark.parametrize("name", sorted(FORMS | STREAMS))
def test_reader_returns_what_warcio_wrote(tmp_path: Path, name: str, version: bytes) -> None:
    records = [record.replace(b"WARC/1.0", b"WARC/" + version, 1) for record in six_records()]
    file = tmp_path / "a.warc.gz"
    file.write_bytes((FORMS | STREAMS)[name](records))
    reader = WarcReader(file)
    responses = list(reader)
    assert [response.url for response in responses] == [f"https://www.kalbela.com/world/{n}" for n in range(6)]
    assert {response.body for response in responses} == {BODY}
    assert responses[0].fetched_at == datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (responses[0].status, responses[0].headers) == (200, [(b"Content-Type", b"text/html")])
    assert (reader.records, reader.skipped) == (6, {})


def test_recorded_place_leads_to_record(tmp_path: Path, form: Callable[[list[bytes]], bytes]) -> None:
    (file := tmp_path / "a.warc").write_bytes(form(six_records()))
    with file.open("rb") as opened:
        for response in WarcReader(file):
            assert read_response(opened, str(file), response.offset, response.length) == response
        for place in ((1, 100), (0, 10), (0, -1), (10**9, 100), (0, 2**40)):
            assert read_response(opened, str(file), *place) is None


@pytest.mark.parametrize("version", [b"0.18", b"1.0"])
@pytest.mark.parametrize("name", sorted(FORMS | STREAMS))
@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_damaged_record_is_counted(tmp_path: Path, name: str, damage: str, version: bytes) -> None:
    edit, reason = DAMAGE[damage]
    records = [record.replace(b"WARC/1.0", b"WARC/" + version, 1) for record in six_records(edit)]
    (file := tmp_path / "a.warc").write_bytes((FORMS | STREAMS)[name](records))
    reader = WarcReader(file)
    assert numbers(reader) == [0, 1, 3, 4, 5]
    assert reader.skipped[reason] == 1
    assert reader.records == 5 + reader.skipped.total()


def test_reading_continues_after_corrupt_bytes(tmp_path: Path) -> None:
    records = [gzip.compress(record) for record in six_records()]
    start = len(records[0]) + len(records[1])
    whole = bytearray(b"".join(records))
    whole[start + 60 : start + 70] = b"x" * 10
    (file := tmp_path / "a.warc.gz").write_bytes(whole)
    reader = WarcReader(file)
    assert numbers(reader) == [0, 1, 3, 4, 5]
    assert reader.skipped == {"corrupt": 1}


def test_cut_file_gives_whole_records(tmp_path: Path, form: Callable[[list[bytes]], bytes]) -> None:
    whole = form(six_records())
    starts = [len(form(six_records()[:n])) for n in range(7)]
    file = tmp_path / "a.warc"
    for end in range(starts[4] + 1, starts[6], 7):
        file.write_bytes(whole[:end])
        # A record is whole without the empty lines after it.
        assert numbers(WarcReader(file)) in ([*range(4)], [*range(5)], [*range(6)])
        assert len(numbers(WarcReader(file))) >= sum(start <= end for start in starts[1:])


@pytest.mark.parametrize("declared", [b"500000000", None])
def test_gzip_bomb_is_not_decompressed(tmp_path: Path, declared: bytes | None) -> None:
    edit = length(lambda n: declared or b"%d" % n)
    records = [gzip.compress(record) for record in six_records()]
    packer, zeros = zlib.compressobj(1, wbits=31), bytes(1_000_000)
    packed = packer.compress(edit(six_records()[2])) + b"".join(packer.compress(zeros) for _ in range(300))
    records[2] = packed + packer.flush()
    (file := tmp_path / "a.warc.gz").write_bytes(b"".join(records))
    reader, started = WarcReader(file), time.process_time()
    assert numbers(reader) in ([0, 1, 3, 4, 5], [*range(6)])  # the second if it declares its true length
    assert reader.skipped.total() == 1
    assert time.process_time() - started < 30


def test_bodies_are_without_chunks(tmp_path: Path) -> None:
    headers = [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")]
    packed = gzip.compress(BODY)
    chunked = b"%x;name=value\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, packed[:10], len(packed) - 10, packed[10:])
    # Some programs remove the chunk sizes and keep the header.
    records = [written(headers=headers, body=body) for body in (chunked, packed, b"ffffff\r\nshort", b"")]
    (file := tmp_path / "a.warc").write_bytes(b"".join(records))
    found = [(response.body, response.complete) for response in WarcReader(file)]
    assert found == [(packed, True), (packed, None), (b"ffffff\r\nshort", False), (b"", None)]


@pytest.mark.parametrize(
    ("headers", "body", "complete"),
    [
        *(
            ({"Content-Length": str(len(BODY))}, BODY, True),
            ({"Content-Length": "9999"}, BODY, False),
            ({}, BODY, None),
        ),
        *(({"content-length": "5"}, BODY, None), ({"Content-Length": "many"}, BODY, None)),
        ({"Content-Length": "9999", "Content-Encoding": "br"}, BODY, None),  # as decompressed by Common Crawl
        ({"Content-Length": "9999", "Content-Encoding": "gzip"}, gzip.compress(BODY, mtime=0), False),
        ({"Transfer-Encoding": "chunked"}, b"4\r\n<htm\r\n6;a=b\r\nl>\r\n<p\r\n", False),
        ({"Transfer-Encoding": "chunked"}, b"4\n<htm\n0\n\n", True),
    ],
)
def test_headers_show_if_body_is_whole(
    tmp_path: Path, headers: dict[str, str], body: bytes, complete: bool | None
) -> None:
    (file := tmp_path / "a.warc").write_bytes(written(headers=[("X", "y"), *headers.items()], body=body))
    assert [response.complete for response in WarcReader(file)] == [complete]


@pytest.mark.parametrize("protocol", [b"HTTP/2", b"HTTP/2.0", b"HTTP/1.0", b"http/1.1", b"HTTP/3"])
def test_status_line_of_any_protocol_is_read(tmp_path: Path, protocol: bytes) -> None:
    line = protocol + b" 200"
    record = written(headers=[("content-type", "text/html")]).replace(b"HTTP/1.1 200 OK", line)
    (file := tmp_path / "a.warc").write_bytes(length(lambda n: b"%d" % (n + len(line) - 15))(record))
    [response] = WarcReader(file)
    assert (response.status, response.header(b"content-type")) == (200, b"text/html")


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2019-03-04T05:06:07", 0),
        ("2019-03-04T05:06:07.25Z", 250_000),
        ("2019-03-04T11:06:07.123456789+06:00", 123_456),
    ],
)
def test_date_is_read_with_its_precision(tmp_path: Path, text: str, microseconds: int) -> None:
    (file := tmp_path / "a.warc").write_bytes(written(date=text))
    [response] = WarcReader(file)
    assert response.fetched_at == datetime(2019, 3, 4, 5, 6, 7, microseconds, tzinfo=UTC)


def test_revisit_refers_to_its_response(tmp_path: Path) -> None:
    """The URL is in angle brackets, as wget writes it."""
    url, more = b"https://www.kalbela.com/world/1", b"WARC-Truncated: length\r\nWARC-Refers-To: <urn:uuid:1>\r\n"
    more += b"WARC-Refers-To-Target-URI: <%b>\r\nWARC-Refers-To-Date: %b\r\n" % (url, DATE.encode())
    record = written(body=b"").replace(b"WARC-Type: response\r\n", b"WARC-Type: revisit\r\n" + more)
    (file := tmp_path / "a.warc").write_bytes(record.replace(b"URI: " + url, b"URI: <%b>" % url))
    [response] = WarcReader(file)
    assert (response.url, response.body) == (url.decode(), b"")
    date = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert response.original == Original("<urn:uuid:1>", url.decode(), date)


def test_unwanted_records_are_counted(tmp_path: Path) -> None:
    (file := tmp_path / "a.warc").write_bytes(b"".join(six_records()))
    reader = WarcReader(file, wanted=lambda url: url.endswith(("/1", "/4")))
    assert numbers(reader) == [1, 4]
    assert reader.skipped == {"other_url": 4}
