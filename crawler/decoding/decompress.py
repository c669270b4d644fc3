"""Decompression of response bodies, with a size limit and an error for truncated bodies."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import brotli  # type: ignore[import-untyped]
from backports import zstd
from isal import igzip_lib, isal_zlib

from crawler.decoding.charset import MARKUP, sniff
from crawler.decoding.decode_errors import PageCorrupt, PageTooLarge

PIECE = 64 * 1024
_IsalError: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # an instance by its stub
MAX_ENCODINGS = 2
# RFC 9659: a window of 8 MiB, the most that a client must support.
ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body decoded from one content encoding: `gzip`, `x-gzip`, `deflate`, `br` or `zstd`.

    A body that is plain text despite its label is returned unchanged, because some servers send such bodies.

    :raises PageTooLarge: the decoded body exceeds ``limit`` bytes
    :raises PageCorrupt: the encoding is unknown, the stream is truncated or the checksum is wrong
    """
    if encoding not in _PIECES:
        raise PageCorrupt(f"unknown content encoding {encoding!r}")
    if not body:
        return body
    whole = bytearray()
    try:
        for piece in _PIECES[encoding](body):
            whole += piece
            if len(whole) > limit:
                whole.clear()  # the exception keeps this frame alive until garbage collection
                raise PageTooLarge(f"more than {limit} bytes when decompressed")
    except (zlib.error, _IsalError, brotli.error, zstd.ZstdError, EOFError) as error:
        if not whole and sniff(body) in MARKUP:
            return body
        problem = "was cut short" if isinstance(error, EOFError) else "is corrupt"
        raise PageCorrupt(f"the {encoding} body {problem}") from error
    return bytes(whole)


def decode_content(body: bytes, content_encoding: bytes, limit: int) -> bytes:
    """Return a body without the encodings in its header `Content-Encoding`.

    :raises PageTooLarge: the decoded body exceeds ``limit`` bytes
    :raises PageCorrupt: an encoding is unknown, a stream is damaged, or the encodings are more than `MAX_ENCODINGS`
    """
    names = [name.strip() for name in content_encoding.decode("latin-1").lower().split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > MAX_ENCODINGS:
        raise PageCorrupt(f"{len(names)} nested content encodings")
    for name in reversed(names):
        body = decompress(body, name, limit)
    return body


def _inflate(body: bytes, new_inflater: Callable[[], Any]) -> Iterator[bytes]:
    """Yield the decompressed parts of a zlib, raw deflate or gzip stream.

    A gzip stream may consist of several members, which are decompressed one after the other.
    """
    while body:
        inflater = new_inflater()
        while not inflater.eof:
            piece = inflater.decompress(body, PIECE)
            body = inflater.unconsumed_tail
            if not piece and not body and not inflater.eof:
                raise EOFError
            yield piece
        body = inflater.unused_data if inflater.unused_data.startswith(b"\x1f\x8b") else b""


# Four times as fast as zlib, but it accepts more corrupt streams. It is used for gzip only, which has a checksum.
_gzip_decoder = partial(isal_zlib.decompressobj, 31)


def _decode_deflate(body: bytes) -> Iterator[bytes]:
    """Yield the decompressed parts of a body with the encoding `deflate`.

    It is a zlib stream by the standard, but some servers send raw deflate instead; both are accepted.
    """
    zlib_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _inflate(body, partial(zlib.decompressobj, 15 if zlib_header else -15))


def _decode_brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    piece = decoder.process(body, output_buffer_limit=PIECE)
    while piece:
        yield piece
        piece = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=PIECE)
    if not decoder.is_finished():
        raise EOFError


def _decode_zstd(body: bytes) -> Iterator[bytes]:
    while body:
        decoder = zstd.ZstdDecompressor(options=ZSTD_WINDOW)
        feed = body
        while not decoder.eof:
            piece = decoder.decompress(feed, PIECE)
            feed = b""
            if not piece and decoder.needs_input and not decoder.eof:
                raise EOFError
            yield piece
        body = decoder.unused_data


_PIECES: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": lambda body: _inflate(body, _gzip_decoder),
    "x-gzip": lambda body: _inflate(body, _gzip_decoder),
    "deflate": _decode_deflate,
    "br": _decode_brotli,
    "zstd": _decode_zstd,
}
