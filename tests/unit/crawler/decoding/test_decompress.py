"""Decompression and charsets: no partial page passes, and Bengali is decoded correctly."""

import contextlib
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.decoding.charset import decode_text, sniff
from crawler.decoding.decode_errors import PageCorrupt, PageTooLarge
from crawler.decoding.decompress import decompress
from tests.support.fault_server import HEADLINE, PAGE, PNG, bomb, compressed, corrupt_crc

LIMIT = 2**20
ENCODINGS = ["gzip", "deflate", "deflate_raw", "br", "zstd"]


def header(encoding: str) -> str:
    return encoding.removesuffix("_raw")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_complete_body_is_decompressed(encoding: str) -> None:
    assert decompress(compressed(encoding, PAGE), header(encoding), LIMIT) == PAGE


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_truncated_body_is_corrupt(encoding: str) -> None:
    whole = compressed(encoding, PAGE)
    for length in range(1, len(whole)):
        with pytest.raises(PageCorrupt):
            decompress(whole[:length], header(encoding), LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_flipped_bit_never_gives_partial_page(encoding: str) -> None:
    whole = compressed(encoding, PAGE)
    for index in range(len(whole)):
        bent = whole[:index] + bytes([whole[index] ^ 0x10]) + whole[index + 1 :]
        with contextlib.suppress(PageCorrupt, PageTooLarge):
            assert decompress(bent, encoding, LIMIT) == PAGE


@pytest.mark.parametrize(
    ("body", "encoding", "result"),
    [
        (corrupt_crc(compressed("gzip", PAGE)), "gzip", PageCorrupt),
        (compressed("gzip", PAGE) * 2, "gzip", PAGE * 2),
        (compressed("gzip", PAGE) + b"\x00" * 20, "gzip", PAGE),
        (compressed("gzip", PAGE), "x-gzip", PAGE),
        (compressed("zstd", PAGE) * 2, "zstd", PAGE * 2),
        (PAGE, "gzip", PAGE),
        (PAGE, "br", PAGE),
        (b'{"a": 1}', "gzip", b'{"a": 1}'),
        (b"plain words", "gzip", PageCorrupt),
        (PNG, "gzip", PageCorrupt),
        (PAGE, "lzma", PageCorrupt),
        (PAGE, "", PageCorrupt),
        (b"", "gzip", b""),
        (compressed("gzip", b""), "gzip", b""),
        (compressed("br", b""), "br", b""),
        (compressed("gzip", bytes(LIMIT)), "gzip", bytes(LIMIT)),
        (compressed("gzip", bytes(LIMIT + 1)), "gzip", PageTooLarge),
    ],
)
def test_body_is_decoded_or_rejected(body: bytes, encoding: str, result: bytes | type[Exception]) -> None:
    if isinstance(result, bytes):
        assert decompress(body, encoding, LIMIT) == result
    else:
        with pytest.raises(result):
            decompress(body, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_decompression_bomb_needs_little_memory(encoding: str) -> None:
    body = bomb(encoding, 100 * 2**20)
    tracemalloc.start()
    with pytest.raises(PageTooLarge):
        decompress(body, encoding, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


CONTENTS: dict[str, list[bytes]] = {
    "html": [PAGE, b"\xef\xbb\xbf\n <!-- x --><html>", b"<div>fragment</div>", PAGE.decode().encode("utf-16")]
    + [b'<?xml version="1.0"?><!DOCTYPE html><html>'],
    "xml": [b'<?xml version="1.0"?><rss version="2.0">', b"<rss version='2.0'>", b"<sitemapindex xmlns='x'>"]
    + [b'<?xml version="1.0"?>\n<!-- made by hand -->\n<urlset>'],
    "json": [b'{"a": 1}', b'[{"a": 1}]', b"[]"],
    "text": [b"{not json}", b"Too many connections", "শুধু লেখা".encode(), b""],
    "image": [PNG, b"\xff\xd8\xff\xe0"],
    "pdf": [b"%PDF-1.7"],
    "zip": [b"PK\x03\x04"],
    "gzip": [b"\x1f\x8b\x08"],
    "binary": [zlib.compress(b"x" * 500) + bytes(50)],
}


@pytest.mark.parametrize(("body", "kind"), [(body, kind) for kind in CONTENTS for body in CONTENTS[kind]])
def test_type_is_detected_from_content(body: bytes, kind: str) -> None:
    assert sniff(body) == kind


BENGALI = "ঢাকায় বৃষ্টি — ৫০% ছাড় “আজ”"
META = '<meta charset="{}">'
IGNORED = [None, *(f"text/html; charset={name}" for name in ("utf-8", "iso-8859-1", "x-no-such", '"')), "windows-1252"]


@pytest.mark.parametrize(
    ("body", "declared", "text"),
    [
        *((BENGALI.encode(), declared, BENGALI) for declared in IGNORED),
        ((META.format("windows-1252") + BENGALI).encode(), None, META.format("windows-1252") + BENGALI),
        (b"\xef\xbb\xbf" + BENGALI.encode(), "text/html; charset=latin-1", BENGALI),
        (BENGALI.encode("utf-16"), "text/html; charset=utf-8", BENGALI),
        (b"\xfe\xff" + BENGALI.encode("utf-16-be"), None, BENGALI),
        (("<p>" + BENGALI).encode("utf-16-le"), "text/html; charset=utf-16le", "<p>" + BENGALI),
        (BENGALI.encode() + b"\xff\x80", "text/html; charset=windows-1252", BENGALI + "\ufffd\ufffd"),
        (b"\xed\xa0\x80" + BENGALI.encode(), None, "\ufffd\ufffd\ufffd" + BENGALI),
        (b"caf\xe9 \x93x\x94", "text/html; charset=iso-8859-1", "café “x”"),
        (META.format("windows-1252").encode() + b"caf\xe9", None, META.format("windows-1252") + "café"),
        (b"caf\xe9", None, "caf\ufffd"),
        (b"caf\xe9", "text/html; charset=unicode_escape", "caf\ufffd"),
        (b"+ADw-script+AD4-", "text/html; charset=utf-7", "+ADw-script+AD4-"),
        (b"+ADw-script+AD4-\xff", "text/html; charset=utf-7", "+ADw-script+AD4-\ufffd"),
        (b"\\u003cscript", "text/html; charset=unicode_escape", "\\u003cscript"),
        (b"68656c6c6f", "text/html; charset=hex", "68656c6c6f"),
        (b"", "text/html; charset=utf-8", ""),
    ],
)
def test_charset_is_detected_from_content(body: bytes, declared: str | None, text: str) -> None:
    assert decode_text(body, declared) == text


@given(st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=40)))
@settings(max_examples=300, deadline=None)
def test_noise_never_crashes_decoding(body: bytes, declared: str | None) -> None:
    decode_text(body, declared).encode("utf-8")
    sniff(body)
    for encoding in (*ENCODINGS, "lzma"):
        with contextlib.suppress(PageCorrupt, PageTooLarge):
            decompress(body, header(encoding), LIMIT)


def test_wrong_meta_charset_is_ignored() -> None:
    assert HEADLINE in decode_text(PAGE.replace(b'charset="utf-8"', b'charset="windows-1252"'), "text/html")
