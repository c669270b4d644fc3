"""Forms of WARC files: pipes, large records, trailing bytes, and files of other formats."""

import gzip
import os
import threading
from pathlib import Path

import pytest

from pipelines.archive import warc_file
from pipelines.archive.forward_file import ForwardFile
from pipelines.archive.warc_file import NotWarc
from pipelines.archive.warc_reader import WarcReader
from tests.support.warc_records import DAMAGE, FORMS, STREAMS, length, six_records, written


def numbers(reader: WarcReader) -> list[int]:
    return [int(response.url.rpartition("/")[2]) for response in reader]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        *((b"", "empty"), (b"no archive" * 1_000, "WARC"), (b"\x1f\x8b\x08" * 100_000, "WARC")),
        *((gzip.compress(b"text", mtime=0), "WARC"), (b"PK\x03\x04" + bytes(90), "WACZ"), (b"\0" * 90, "WARC")),
        *((b"filedesc://a.arc 0.0.0.0 2014", "ARC"), (gzip.compress(b"filedesc://a.arc", mtime=0), "ARC")),
        *((b"\x5d\x2a\x4d\x18\x04\0\0\0dict", "zstd"), (b"\x28\xb5\x2f\xfdno frame", "WARC")),
        (b"WARC/1.0\r\nWARC-Type", "damaged"),
    ],
)
def test_other_file_is_not_accepted(tmp_path: Path, content: bytes, word: str) -> None:
    (file := tmp_path / "a.warc").write_bytes(content)
    reader = WarcReader(file)
    with pytest.raises(NotWarc, match=word):
        list(reader)
    assert (reader.records, reader.skipped) == (0, {})


@pytest.mark.parametrize("name", sorted(FORMS | STREAMS))
def test_pipe_is_read_like_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe is longer than what is kept of it, and damaged at its end."""
    monkeypatch.setattr(ForwardFile, "WINDOW", 2**18)
    monkeypatch.setattr(warc_file, "MAX_RECORD_BYTES", 2**17)
    foreign = [written(f"https://www.example.org/{n}", body=os.urandom(2**17)) for n in range(12)]
    content = (FORMS | STREAMS)[name]([*foreign, *six_records(DAMAGE["too short a length"][0])])
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    reader = WarcReader(pipe, wanted=lambda url: "kalbela" in url)
    assert numbers(reader) == [0, 1, 3, 4, 5]
    writer.join()
    assert reader.skipped["other_url"] == 12


@pytest.mark.parametrize("name", sorted(FORMS | STREAMS))
def test_records_after_large_one_are_read(tmp_path: Path, name: str) -> None:
    """The large record is a WARC file, whose records are not those of the file around it."""
    inside = written("https://www.kalbela.com/world/99", body=b"")
    body = (b"x" * 500 + b"\r\n\r\n" + inside) * 11_000
    large = written("https://www.example.org/a.warc", body=body[: len(body) // 2 if "whole" in name else None])
    content = (FORMS | STREAMS)[name]([*six_records()[:3], large, *six_records()[3:]])
    (file := tmp_path / "a.warc").write_bytes(content)
    reader = WarcReader(file, wanted=lambda url: "kalbela" in url)
    assert numbers(reader) == [*range(6)]
    assert reader.skipped.total() == 1


def test_wrong_length_swallows_no_record(tmp_path: Path) -> None:
    """A length that ends in a later record, also exactly at the end of one."""
    file = tmp_path / "a.warc.gz"
    for more in (*range(0, 2_000, 37), *range(1_370, 1_420)):
        edit = length(lambda n, more=more: b"%d" % (n + more))
        records = [*six_records(edit)[:3], *(written(f"https://www.kalbela.com/world/{n}") for n in range(3, 12))]
        file.write_bytes(FORMS["by record"](records))
        assert numbers(WarcReader(file)) == [n for n in range(12) if n != 2 or not more]


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n", bytes(5_000), b"garbage" * 999, b"\x1f\x8b\x08", b"WARC/1.0\r\n"])
@pytest.mark.parametrize("name", sorted(FORMS | STREAMS))
def test_trailing_bytes_lose_no_record(tmp_path: Path, name: str, end: bytes) -> None:
    (file := tmp_path / "a.warc").write_bytes((FORMS | STREAMS)[name](six_records()) + end)
    reader = WarcReader(file)
    assert numbers(reader) == [*range(6)]
    assert set(reader.skipped) <= {"corrupt"}


def test_wrong_checksum_of_member_is_counted(tmp_path: Path) -> None:
    members = [bytearray(gzip.compress(record)) for record in six_records()]
    members[2][-6] ^= 1
    (file := tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    reader = WarcReader(file)
    assert {*numbers(reader)} >= {0, 1, 3, 4, 5}
    assert reader.skipped.total() == 1
