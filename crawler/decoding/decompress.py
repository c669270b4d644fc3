"""From the bytes that came to a text that can be trusted: whole decompression, the real type, the real charset."""

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
_IsalError: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stub says: an instance
MOST_ENCODINGS = 2
# RFC 9659: what a browser must accept, and all the memory that a zstd answer may ask for (8 MiB).
ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without one content encoding (`gzip`, `x-gzip`, `deflate`, `br`, `zstd`), at most `limit` bytes.

    Raises `PageTooLarge` above the limit, and `PageCorrupt` where the stream does not reach its end or its
    checksum fails. What is announced as compressed but is plain text is returned as it is: servers do that.
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
                whole.clear()  # the exception holds on to this frame until the garbage is collected
                raise PageTooLarge(f"more than {limit} bytes when decompressed")
    except (zlib.error, _IsalError, brotli.error, zstd.ZstdError, EOFError) as error:
        if not whole and sniff(body) in MARKUP:
            return body
        what = "was cut short" if isinstance(error, EOFError) else "is corrupt"
        raise PageCorrupt(f"the {encoding} answer {what}") from error
    return bytes(whole)


def _inflated(body: bytes, inflating: Callable[[], Any]) -> Iterator[bytes]:
    """The pieces of a zlib, raw or gzip stream; of gzip, of all its members."""
    while body:
        inflater = inflating()
        while not inflater.eof:
            piece = inflater.decompress(body, PIECE)
            body = inflater.unconsumed_tail
            if not piece and not body and not inflater.eof:
                raise EOFError
            yield piece
        body = inflater.unused_data if inflater.unused_data.startswith(b"\x1f\x8b") else b""


# As zlib's, at a quarter of the cost. It lets more pass where there is no checksum, so it is not for the others.
_ungzipping = partial(isal_zlib.decompressobj, 31)


def _deflated(body: bytes) -> Iterator[bytes]:
    """`deflate` means zlib, but some servers send it raw."""
    zlib_header = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _inflated(body, partial(zlib.decompressobj, 15 if zlib_header else -15))


def _unbrotlied(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    piece = decoder.process(body, output_buffer_limit=PIECE)
    while piece:
        yield piece
        piece = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=PIECE)
    if not decoder.is_finished():
        raise EOFError


def _unzstandardized(body: bytes) -> Iterator[bytes]:
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
    "gzip": lambda body: _inflated(body, _ungzipping),
    "x-gzip": lambda body: _inflated(body, _ungzipping),
    "deflate": _deflated,
    "br": _unbrotlied,
    "zstd": _unzstandardized,
}
