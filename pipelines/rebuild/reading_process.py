"""Processes that read archived pages and parse them, while the parent stores the pages before."""

import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import BufferedReader
from typing import Any, NoReturn

from crawler.decoding.decode_errors import DecodeError, ParserCrashed
from crawler.parsing.parser import PageParser, ParsedPage
from crawler.worker import extension
from crawler.worker.extension import ParserFailed, exit_error, load_error, parse_with_steps, reply_of
from crawler.worker.page_messages import NO_PAGE, ReplyReader, ReplyWriter, dump_request, load_request
from crawler.worker.process import end_child, frame, read_frame, start_child
from pipelines.rebuild.archived_pages import ArchivedPages

Row = dict[str, Any]
_SIZE = struct.Struct("<I")
# The process never waits for a request to be read by the parent, so both cannot wait for each other.
_MAX_UNREAD_BYTES = 32 * 2**10
_BUFFER = 2**16


class PageUnreadable(Exception):
    """Raised for a page at which the process failed; ``cause`` is the error."""

    def __init__(self, cause: DecodeError | ParserFailed) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ReadingProcess:
    """Child process that replies to requests for pages in their order; a page that ends it is reported as unreadable.

    :param pages: reader of the archived responses, with which the process starts
    :param text_steps: pure functions that are applied to each story, in this order
    """

    def __init__(
        self, pages: ArchivedPages, page_parser: PageParser, text_steps: Sequence[Callable[[Any], Any]]
    ) -> None:
        self._serve = partial(_serve, pages, partial(parse_with_steps, page_parser, text_steps))
        self._child: tuple[int, socket.socket, BufferedReader] | None = None
        self._replies = ReplyReader()
        self._sent: deque[bytes] = deque()  # requests without a reply
        self._waiting: deque[bytes] = deque()

    def request(self, row: Row, mode: str, position: str | None) -> None:
        """Request a page.

        :param row: row of `fetches` :param mode: mode of its run
        :param position: JSON with the entry point and the place in its pagination
        """
        message = dump_request(row, mode, position)
        self._waiting.append(_SIZE.pack(len(message)) + message)
        with suppress(OSError):  # it is raised again when the reply is read
            self._send()

    def reply(self) -> tuple[dict[str, Any], str, ParsedPage | None] | None:
        """Return the page that was requested first, as :meth:`ReplyReader.load` does.

        :raises PageUnreadable: the page cannot be parsed, or ends the process
        """
        kind, content = self._reply()
        if kind != extension.PARSED:
            raise PageUnreadable(load_error(kind, content))
        try:
            return self._replies.load(content)
        except Exception as error:  # a page may have changed the code of the process
            self._end()
            raise PageUnreadable(ParserFailed(f"the reply for the page is malformed: {error}")) from error

    def close(self) -> None:
        """Terminate the process."""
        if self._child is not None:
            self._end()
        self._waiting.clear()

    def _reply(self) -> tuple[int, bytes]:
        for _ in range(2):
            try:
                self._send()
                assert self._child is not None
                answer = read_frame(self._child[2])
            except (EOFError, OSError) as failure:  # includes the timeout
                error = exit_error(self._end()) if self._child else ParserCrashed(f"no process could start: {failure}")
                if error is not None:
                    self._waiting.popleft()
                    raise PageUnreadable(error) from failure
            else:
                self._sent.popleft()
                return answer
        self._waiting.popleft()
        raise PageUnreadable(ParserCrashed("the process was killed twice while it parsed the page"))

    def _send(self) -> None:
        """Send as many of the waiting requests as the process can take without waiting.

        :raises OSError: the process has exited, or could not be started
        """
        while self._waiting and sum(map(len, self._sent)) < _MAX_UNREAD_BYTES:
            if self._child is None:
                self._start()
            assert self._child is not None
            self._sent.append(self._waiting.popleft())
            self._child[1].sendall(self._sent[-1])

    def _start(self) -> None:
        pid, link = start_child(self._serve, extension.MAX_PAGE_MEMORY)
        link.settimeout(extension.MAX_RESPONSE_SECONDS)
        self._child, self._replies = (pid, link, BufferedReader(link.makefile("rb", 0), _BUFFER)), ReplyReader()

    def _end(self) -> int:
        """Terminate the process and return its exit status; its requests wait for the next process."""
        assert self._child is not None
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()
        (pid, link, file), self._child = self._child, None
        file.close()
        link.close()
        return end_child(pid)[0]


def _serve(pages: ArchivedPages, parse: Callable[[Any], ParsedPage], link: socket.socket) -> NoReturn:
    writer = ReplyWriter()

    def read(message: bytes) -> bytes:
        page = pages.get(*load_request(message))
        if page is None:
            return NO_PAGE
        return writer.dump(page.fetch, page.response.url, None if page.page is None else parse(page.page))

    with link.makefile("rb", _BUFFER) as requests:
        while len(size := requests.read(_SIZE.size)) == _SIZE.size:
            link.sendall(frame(*reply_of(partial(read, requests.read(*_SIZE.unpack(size))))))
    os._exit(0)
