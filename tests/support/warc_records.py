"""WARC records as warcio writes them, the forms of files of them, and the ways in which they are damaged."""

import gzip
import io
import re
from collections.abc import Callable

from backports import zstd
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

BODY = "<html><p>আজকের খবর</p></html>".encode()
DATE = "2019-03-04T05:06:07Z"


def written(
    url: str = "https://www.kalbela.com/world/1",
    kind: str = "response",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = BODY,
    date: str = DATE,
    status: str = "200 OK",
) -> bytes:
    """Return one uncompressed WARC record."""
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=False)
    http = StatusAndHeaders(status, headers or [("Content-Type", "text/html")], protocol="HTTP/1.1")
    record = writer.create_warc_record(
        url, kind, payload=io.BytesIO(body), http_headers=http, warc_headers_dict={"WARC-Date": date}
    )
    writer.write_record(record)
    record.raw_stream.close()
    return file.getvalue()


Edit = Callable[[bytes], bytes]


def six_records(edit: Edit = bytes) -> list[bytes]:
    """Return six records, of which the third is edited."""
    records = [written(f"https://www.kalbela.com/world/{n}") for n in range(6)]
    return [*records[:2], edit(records[2]), *records[3:]]


FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "plain": b"".join,
    "by record": lambda records: b"".join(map(gzip.compress, records)),
}
STREAMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "as a whole": lambda records: gzip.compress(b"".join(records)),
    "zstd by record": lambda records: b"".join(map(zstd.compress, records)),
    "zstd as a whole": lambda records: zstd.compress(b"".join(records)),
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
    "a resource": (lambda record: record.replace(b"WARC-Type: response", b"WARC-Type: resource"), "other_type"),
    "cut by its writer": (lambda record: record.replace(b"\r\n", b"\r\nWARC-Truncated: time\r\n", 1), "cut_by_writer"),
    "too short a length": (length(lambda n: b"%d" % (n - 20)), "wrong_length"),
    "too great a length": (length(lambda n: b"%d" % (n + 20)), "wrong_length"),
    "the length of the rest": (length(lambda n: b"%d" % (n + 5_000)), "truncated"),
    "an enormous length": (length(lambda n: b"4000000000"), "too_large"),
    "an old date": (lambda record: record.replace(b"2019-", b"1970-"), "impossible_date"),
    "a date to come": (lambda record: record.replace(b"2019-", b"2619-"), "impossible_date"),
    "a date without a time": (lambda record: record.replace(DATE.encode(), DATE[:10].encode()), "no_date"),
    "a metadata record": (lambda record: record.replace(b"Type: response", b"Type: metadata"), "no_response"),
    "a converted record": (lambda record: record.replace(b"Type: response", b"Type: conversion"), "other_type"),
    "a name of a host": (lambda record: record.replace(b"https://www.kalbela.com", b"dns:"), "not_http"),
    "no status line": (lambda record: re.sub(rb"HTTP/1.1 200 OK\r\n", b"X-Not-A-Status: 0\r\n", record), "not_http"),
    "a negative length": (length(lambda n: b"-5"), "corrupt"),
    "a length of many digits": (length(lambda n: b"9" * 4_000), "corrupt"),
    "no WARC header": (lambda record: b"<html>" + record[8:], "corrupt"),
}
