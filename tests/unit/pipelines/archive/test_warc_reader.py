"""Reading of WARC files: those of warcio, and the same ones damaged in every way that is known to occur."""

import gzip
import re
import resource
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.archive.warc_reader import NotWarc, WarcReader, read_response
from tests.support.warc_records import BODY, DATE, written

Edit = Callable[[bytes], bytes]


def six_records(edit: Edit = bytes) -> list[bytes]:
    """Return six records, of which the third is edited."""
    records = [written(f"https://www.kalbela.com/world/{n}") for n in range(6)]
    return [*records[:2], edit(records[2]), *records[3:]]


FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "plain": b"".join,
    "by record": lambda records: b"".join(map(gzip.compress, records)),
}


def length(change: Callable[[int], bytes]) -> Edit:
    return lambda record: re.sub(rb"(?<=Content-Length: )\d+", lambda found: change(int(found[0])), record, count=1)


DAMAGE: dict[str, tuple[Edit, str]] = {
    "no date": (lambda record: re.sub(rb"WARC-Date: [^\r]*\r\n", b"", record), "no_date"),
    "odd date": (lambda record: record.replace(DATE.encode(), b"yesterday"), "no_date"),
    "a date outside Python's years": (lambda record: record.replace(b"2019-", b"0000-"), "no_date"),
    "a file URL": (lambda record: record.replace(b"https://www.kalbela.com", b"file:///etc/passwd"), "not_http"),
    "no URL": (lambda record: re.sub(rb"WARC-Target-URI: [^\r]*\r\n", b"", record), "not_http"),
    "a long URL": (lambda record: record.replace(b"/world/", b"/" + b"w" * 9_000), "not_http"),
    "a revisit": (lambda record: record.replace(b"WARC-Type: response", b"WARC-Type: revisit"), "revisit"),
    "a resource": (lambda record: record.replace(b"WARC-Type: response", b"WARC-Type: resource"), "other_type"),
    "cut by its writer": (lambda record: record.replace(b"\r\n", b"\r\nWARC-Truncated: time\r\n", 1), "cut_by_writer"),
    "too short a length": (length(lambda n: b"%d" % (n - 20)), "wrong_length"),
    "too great a length": (length(lambda n: b"%d" % (n + 20)), "wrong_length"),
    "the length of the rest": (length(lambda n: b"%d" % (n + 5_000)), "truncated"),
    "an enormous length": (length(lambda n: b"4000000000"), "too_large"),
    "a negative length": (length(lambda n: b"-5"), "corrupt"),
    "a length of many digits": (length(lambda n: b"9" * 4_000), "corrupt"),
    "no WARC header": (lambda record: b"<html>" + record[8:], "corrupt"),
}


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


@pytest.mark.parametrize("name", sorted({*FORMS, "as a whole"}))
def test_reader_returns_what_warcio_wrote(tmp_path: Path, name: str) -> None:
    records = six_records()
    file = tmp_path / "a.warc.gz"
    file.write_bytes(gzip.compress(b"".join(records)) if name == "as a whole" else FORMS[name](records))
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


@pytest.mark.parametrize("damage", [name for name, (_, reason) in DAMAGE.items() if reason])
def test_damaged_record_is_counted(tmp_path: Path, form: Callable[[list[bytes]], bytes], damage: str) -> None:
    edit, reason = DAMAGE[damage]
    (file := tmp_path / "a.warc").write_bytes(form(six_records(edit)))
    reader = WarcReader(file)
    assert numbers(reader) == [0, 1, 3, 4, 5]
    assert reader.skipped[reason] == 1


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
    assert [response.body for response in WarcReader(file)] == [packed, packed, b"ffffff\r\nshort", b""]


@pytest.mark.parametrize(
    "content", [b"", b"no archive" * 1_000, b"\x1f\x8b\x08" * 100_000, gzip.compress(b"text", mtime=0)]
)
def test_other_file_is_not_accepted(tmp_path: Path, content: bytes) -> None:
    (file := tmp_path / "a.warc").write_bytes(content)
    with pytest.raises(NotWarc):
        list(WarcReader(file))


def test_unwanted_records_are_counted(tmp_path: Path) -> None:
    (file := tmp_path / "a.warc").write_bytes(b"".join(six_records()))
    reader = WarcReader(file, wanted=lambda url: url.endswith(("/1", "/4")))
    assert numbers(reader) == [1, 4]
    assert reader.skipped == {"other_url": 4}
