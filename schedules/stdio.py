"""Streams: what a command prints on, whether or not anybody is there to read it.

How a command went, its exit code says. What it says besides, on stderr, may be lost: a reader left, a disk is full, the
caller closed the stream. That ends no run and changes no code. An answer, on stdout, that cannot be written is told;
a reader who left has seen enough.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


@contextmanager
def ignore_stderr_errors() -> Iterator[None]:
    """Let what is printed on stderr meanwhile be lost where it cannot be written, and have nothing left to write."""
    _open_what_is_closed()
    heard, sys.stderr = sys.stderr, cast(TextIO, _Heard(sys.stderr))
    try:
        yield
    finally:
        sys.stderr = heard
        for stream in (sys.stdout, heard):
            try:
                stream.flush()
            except OSError:  # Python would try again as it ends, and end with a code of its own
                redirect_to_devnull(stream)


def redirect_to_devnull(stream: TextIO) -> None:
    """Print into nothing from now on."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


class _Heard:
    """stderr, as long as somebody hears it."""

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


def _open_what_is_closed() -> None:
    """Lead the standard streams that the caller closed to nothing: the next file opened would take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # has the least number that is free: the stream's own
            os.set_inheritable(nothing, True)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8", closefd=False))
