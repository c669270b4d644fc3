"""Handle closed and broken standard streams (stdin, stdout, stderr).

A message that cannot be written to stderr is dropped, because it must neither end a run nor change an exit code. A
result that cannot be written to stdout is an error, unless the program that reads it has closed the pipe. Characters
that the encoding of a stream cannot represent are escaped.
"""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO, cast


@contextmanager
def ignore_stderr_errors() -> Iterator[None]:
    """Context manager that ignores errors when writing to stderr, and flushes stdout and stderr when the block ends."""
    _reopen_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a test may have replaced it
            stream.reconfigure(errors=_ESCAPE)
    stderr, sys.stderr = sys.stderr, cast(TextIO, _TolerantStream(sys.stderr))
    try:
        yield
    finally:
        sys.stderr = stderr
        for stream in (sys.stdout, stderr):
            try:
                stream.flush()
            except OSError:  # Python would flush again at exit, and exit with a code of its own
                redirect_to_devnull(stream)


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Codec error handler: replace each unencodable character with its `\uXXXX` escape, so that JSON stays valid."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end


_ESCAPE = "khobor.escape"
codecs.register_error(_ESCAPE, _escape)


def redirect_to_devnull(stream: TextIO) -> None:
    """Redirect the file descriptor of a stream to /dev/null, so that all further output is discarded."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


class _TolerantStream:
    """Wrapper of an output stream that discards all further output after the first write error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            redirect_to_devnull(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            redirect_to_devnull(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _reopen_closed_streams() -> None:
    """Open /dev/null for stdin, stdout and stderr where the parent process closed them.

    Otherwise the next opened file would get the file descriptor of that stream, and output would be written to that
    file.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            devnull = os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is the stream's own
            os.set_inheritable(devnull, True)
            setattr(sys, name, os.fdopen(devnull, mode, encoding="utf-8", closefd=False))
