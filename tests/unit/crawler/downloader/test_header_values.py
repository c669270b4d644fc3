"""No value of a header raises: an unreadable one counts as absent."""

from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import HtmlResponse, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import Settings

from crawler.decoding.charset import decode_text
from crawler.decoding.decode_errors import DecodeError
from crawler.decoding.http_dates import parse_http_date
from crawler.downloader.allowed_hosts import OwnRedirects
from crawler.downloader.compression import StrictDecompression
from crawler.downloader.errors import FetchError
from crawler.downloader.handler import _BoundedParser
from crawler.downloader.response_check import check_response
from crawler.downloader.retry import retry_after_seconds
from crawler.scrapy_internals import HttpParseError
from crawler.spiders.kalbela import Kalbela
from tests.support.properties import examples, holds

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://www.kalbela.com/world/1"
NAMES = (
    *("Content-Type", "Content-Encoding", "Content-Length", "Content-Disposition", "Transfer-Encoding", "Retry-After"),
    *("Date", "Location", "ETag", "Last-Modified", "CF-Mitigated", "Connection", "Refresh", "Link", "Set-Cookie"),
)
WORDS = (
    *(
        "text/html",
        ";",
        "charset=",
        "utf-16",
        "idna",
        "\x00",
        "\xff",
        "\x80",
        "=?utf-8?q?",
        "?=",
        ",",
        "gzip",
        "br",
        "zstd",
    ),
    *("identity", "chunked", "'", '"', "Mon,", "Nov", "GMT", "-0000", "+", ":", "http://", "https://", "["),
    *("]", "//", "@", "%zz", "?", "#", "W/", "filename=", "data:,", "BST", "99"),
)
_NUMBERS = st.integers(-(10**20), 10**20).map(str) | st.just("9" * 5000)
_PIECES = st.one_of(
    _NUMBERS,
    st.sampled_from(
        [
            "text/html",
            ";",
            "charset=",
            "utf-16",
            "idna",
            "\x00",
            "ÿ",
            "\x80",
            "=?utf-8?q?",
            "?=",
            ",",
            "gzip",
            "br",
            "zstd",
            "identity",
            "chunked",
            "'",
            '"',
            "Mon,",
            "Nov",
            "GMT",
            "-0000",
            "+",
            ":",
            "http://",
            "https://",
            "[",
            "]",
            "//",
            "@",
            "%zz",
            "?",
            "#",
            "W/",
            "filename=",
            "data:,",
            "BST",
            "99",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=5),
)
VALUES = st.one_of(
    st.lists(_PIECES, max_size=8).map(" ".join),
    st.lists(_PIECES, max_size=8).map("".join),
    st.builds("Mon, {} Nov {} {}:{}:00 {}".format, _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, _PIECES),
).map(lambda text: text.encode("latin-1"))
HEADERS = st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=2), max_size=6)


def check_middlewares(headers: dict[str, list[bytes]], status: int) -> None:
    request = Request(URL)
    response = HtmlResponse(URL, status, headers, b"<html>x</html>", request=request)
    responsetypes.from_args(headers=response.headers, url=URL, body=response.body)
    check_response(response)
    crawler: Any = SimpleNamespace(spider=SimpleNamespace(hosts=Kalbela.hosts), settings=Settings(), stats=None)
    redirects = OwnRedirects(Settings())
    redirects.crawler = crawler
    decompression = StrictDecompression.__new__(StrictDecompression)
    for step in (redirects.process_response, lambda request, response: unpack(decompression, response)):
        try:
            step(request, response)
        except (FetchError, DecodeError) as error:
            assert str(error)


def unpack(decompression: StrictDecompression, response: Response) -> None:
    decompression._handle_encoding(response.body, response.headers.getlist("Content-Encoding"), 1000)


@examples
def test_middleware_accepts_any_header(examples: int) -> None:
    holds(check_middlewares, HEADERS, st.sampled_from([200, 301, 302, 429, 503]), examples=examples)


def check_readers(value: bytes) -> None:
    text = value.decode("latin-1")
    assert (retry_after_seconds(text, NOON) or 1) > 0
    parse_http_date(text)
    decode_text(b"<html>\x80</html>", text)
    response = HtmlResponse(
        URL, headers={"ETag": value, "Last-Modified": value, "Content-Type": value}, request=Request(URL)
    )
    fetch = Kalbela().fetch_of(response)
    for validator in (fetch.etag, fetch.last_modified):
        assert validator is None or (validator.encode() == value.strip(b"\n") and len(validator) <= 200)


@examples
def test_reader_accepts_any_value(examples: int) -> None:
    holds(check_readers, VALUES, examples=examples)


def check_parser(status: bytes, headers: dict[str, list[bytes]]) -> None:
    transport: Any = SimpleNamespace(pauseProducing=lambda: None, producerState="producing", disconnecting=False)
    parser = _BoundedParser(SimpleNamespace(method=b"GET"), lambda rest: None)  # type: ignore[no-untyped-call]
    parser.makeConnection(transport)  # type: ignore[no-untyped-call]
    lines = [name.encode() + b": " + value for name, values in headers.items() for value in values]
    try:
        parser.dataReceived(b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""]))
    except (FetchError, HttpParseError, ValueError, KeyError):
        return  # `corrupt`, as any malformed response
    assert not hasattr(parser, "response") or 200 <= parser.response.code <= 999


@examples
def test_parser_rejects_malformed_head(examples: int) -> None:
    statuses = st.one_of(VALUES, st.just(b"200 OK"), st.integers(-(10**12), 10**12).map(lambda code: b"%d X" % code))
    holds(check_parser, statuses, HEADERS, examples=examples)


def check_date(moment: datetime) -> None:
    assert parse_http_date(format_datetime(moment)) == moment


@examples
def test_http_date_equals_what_was_formatted(examples: int) -> None:
    moments = st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    holds(check_date, moments.map(lambda moment: moment.replace(microsecond=0)), examples=examples)


@pytest.mark.parametrize("value", [b"x" * 201, b"\xe9", b"a\x00b", b""])
def test_validator_that_cannot_be_repeated_is_absent(value: bytes) -> None:
    fetch = Kalbela().fetch_of(HtmlResponse(URL, headers={"ETag": value}, request=Request(URL)))
    assert fetch.etag is None
