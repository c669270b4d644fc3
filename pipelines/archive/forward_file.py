"""Streams that can only be read forwards, and still be read again for some megabytes."""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from backports import zstd
from isal import isal_zlib

from pipelines.archive.http_message import MAX_BODY_BYTES

MAX_RECORD_BYTES = MAX_BODY_BYTES + 2**20  # with headers and chunk sizes
_FEED = 2**16
_ZSTD_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 27}  # as the program zstd allows
_IsalError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # an instance by its stub
_DAMAGE = (EOFError, zlib.error, _IsalError, zstd.ZstdError)


class AlreadyRead(Exception):
    """A part of a stream is to be read again that has not been kept."""


class ForwardFile(io.RawIOBase):
    """Stream that can only be read forwards, of which the last bytes can be read again.

    :param source: function that returns the next bytes, at most as many as its argument
    :ivar is_damaged: True if the source has ended early, because its compressed data are damaged
    """

    WINDOW = 2 * MAX_RECORD_BYTES

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._window, self._base, self._at = bytearray(), 0, 0
        self.is_damaged = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._at + (2**62 if size < 0 else size)
        while self._end < wanted and self._fill():
            pass
        piece = bytes(self._window[self._at - self._base : wanted - self._base])
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; one before the kept bytes raises :class:`AlreadyRead`."""
        if whence == io.SEEK_END:
            while self._fill():
                self._at = self._end
            offset += self._end
        if offset < self._base:
            raise AlreadyRead
        self._at = min(offset, self._end)
        while self._at < offset and self._fill():
            self._at = min(offset, self._end)
        return self._at

    def peek(self, at: int, size: int) -> bytes:
        """Return some of the kept bytes, without a change of the position."""
        return bytes(self._window[max(at - self._base, 0) : at + size - self._base])

    @property
    def _end(self) -> int:
        return self._base + len(self._window)

    def _fill(self) -> bool:
        try:
            piece = b"" if self.is_damaged else self._source(_FEED)
        except _DAMAGE:
            self.is_damaged, piece = True, b""
        self._window += piece
        surplus = min(len(self._window) - self.WINDOW, self._at - self._base)
        if surplus > self.WINDOW:
            del self._window[:surplus]
            self._base += surplus
        return bool(piece)


def decompressed(file: BinaryIO, *, is_zstd: bool) -> BinaryIO:
    """Return the content of a file that is compressed as a whole."""
    pieces = _zstd_pieces(file) if is_zstd else _gzip_pieces(file)
    return cast(BinaryIO, ForwardFile(lambda size: next(pieces, b"")))


def _gzip_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of a gzip file; the classes that do so lose what is before an error."""
    inflater = None
    while feed := file.read(_FEED):
        while feed:
            inflater = inflater or isal_zlib.decompressobj(31)
            if piece := inflater.decompress(feed, _FEED):
                yield piece
            feed = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if inflater.eof:
                inflater = None
    if inflater is not None:
        raise EOFError


def _zstd_pieces(file: BinaryIO) -> Iterator[bytes]:
    decoder = None
    while feed := file.read(_FEED):
        while feed:
            decoder = decoder or zstd.ZstdDecompressor(options=_ZSTD_WINDOW)
            piece = decoder.decompress(feed, _FEED)
            while piece or not (decoder.needs_input or decoder.eof):
                yield piece
                piece = b"" if decoder.eof else decoder.decompress(b"", _FEED)
            feed = decoder.unused_data if decoder.eof else b""
            if decoder.eof:
                decoder = None
    if decoder is not None:
        raise EOFError
