"""Parse worker, a child process that parses pages, one at a time and in order.

The HTML parser is written in C, and pages are untrusted input. A page may crash the parser, never finish or exhaust
memory. This only terminates the worker process, which has no database, lock or connection open. Parsing of that page
fails with a :class:`DecodeError`, and a new worker process parses the next page.
"""

import asyncio
import logging
import os
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem, NotConfigured
from scrapy.statscollectors import StatsCollector
from scrapy.utils.misc import load_object

from crawler.decoding.decode_errors import DecodeError, PageCorrupt, PageTooLarge, ParserCrashed
from crawler.downloader.errors import RunEnded
from crawler.downloader.graceful_stop import run_must_end
from crawler.entry_points import EntryPoint
from crawler.parsing.parser import PageParser, PageResponse, ParsedPage
from crawler.spider import NewspaperSpider
from crawler.worker.process import ChildProcess, frame
from crawler.worker.protocol import dump_page, dump_parsed_page, load_page, load_parsed_page

logger = logging.getLogger(__name__)

# CPU time for one page. It is not wall time, which would depend on the load of the machine.
MAX_CPU_SECONDS = 5
# Wall time for one page, after which a stopped or waiting child is killed.
MAX_RESPONSE_SECONDS = 120
MAX_PAGE_MEMORY = 512 * 2**20  # bytes; a page of 8 MiB, the largest that is downloaded, needs less than half of this
_SIZES = struct.Struct("<II")  # of the head and the body of a page
PARSED, _DECODE_ERROR, _EXCEPTION = range(3)  # kinds of replies
_DECODE_ERRORS = {kind.__name__: kind for kind in (PageTooLarge, PageCorrupt)}


class ParserFailed(Exception):
    """Raised for an internal error of the parser; the traceback from the worker process is attached as a note."""


class ParseWorker:
    """Extension that parses the pages of a spider in a child process, the worker process."""

    def __init__(
        self,
        page_parser: PageParser,
        entry_points: tuple[EntryPoint, ...],
        text_steps: Sequence[Callable[[Any], Any]],
        stats: StatsCollector | None = None,
    ) -> None:
        """Set up the extension; the worker process is started when the first page is parsed.

        :param text_steps: pure functions that the worker process applies to each story, in this order
        """
        self._page_parser, self._entry_points, self._text_steps = page_parser, entry_points, text_steps
        self._stats = stats
        self._child: ChildProcess | None = None
        self._turn = asyncio.Lock()
        self._is_closed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider = crawler.spider
        if not isinstance(spider, NewspaperSpider) or not crawler.settings.getbool("KHOBOR_PARSE_IN_WORKER"):
            raise NotConfigured("pages are parsed in the process of the crawl")
        text_steps = [load_object(name) for name in crawler.settings.getlist("KHOBOR_TEXT_STEPS")]
        worker = cls(spider.page_parser, spider.entry_points, text_steps, crawler.stats)
        spider.parse_page = worker.parse
        for ending in (run_must_end, signals.spider_closed):
            crawler.signals.connect(worker.close, ending)
        return worker

    async def parse(self, page: PageResponse) -> ParsedPage:
        """Parse a page in the worker process and return the result.

        :raises DecodeError: the page cannot be parsed :raises ParserFailed: internal error of the parser
        """
        head, body = dump_page(page)
        async with self._turn:
            kind, content = await self._exchange(_SIZES.pack(len(head), len(body)), head, body)
        if kind != PARSED:
            raise load_error(kind, content)
        return load_parsed_page(content)

    def close(self) -> None:
        """Terminate the worker process.

        Parsing fails for all pages that are still waiting, and the next run requests these pages again.
        """
        self._is_closed = True
        self._end_child()

    async def _exchange(self, *pieces: bytes) -> tuple[int, bytes]:
        """Send a page to the worker process and return the kind and content of its reply.

        If another process killed the worker, the page is sent once more to a new worker.

        :raises DecodeError: the worker process terminated because of the page
        """
        for _ in range(2):
            child = await self._start()
            try:
                async with asyncio.timeout(MAX_RESPONSE_SECONDS):
                    return await child.ask(*pieces)
            except asyncio.CancelledError:
                self._end_child()  # its answer would be taken for that to the next page
                raise
            except (EOFError, OSError):  # includes the timeout
                error = exit_error(self._end_child())
            logger.warning("the parse worker exited: %s", error or "it was killed")
            if error is not None:
                raise error
        raise ParserCrashed("the parse worker was killed twice while it parsed the page")

    async def _start(self) -> ChildProcess:
        """Return the worker process; start a new one if there is none or if it has exited.

        :raises ParserCrashed: no process could be started
        """
        if self._child is not None and self._child.has_ended:
            self._end_child()
        if self._is_closed:
            raise RunEnded("the run ended before the page was parsed")
        if self._child is None:
            try:
                parse = partial(parse_with_steps, self._page_parser, self._text_steps)
                serve = partial(_serve, parse, self._entry_points)
                self._child = await ChildProcess.start(serve, MAX_PAGE_MEMORY)
            except OSError as error:
                raise ParserCrashed(f"no process could be started to parse it: {error.strerror}") from error
        return self._child

    def _end_child(self) -> int:
        """Terminate the worker process and return its exit status."""
        if self._child is None:  # closed already
            return signal.SIGKILL
        (status, peak), self._child = self._child.end(), None
        if self._stats is not None:
            self._stats.max_value("memusage/reading/max", peak)
        return status


def load_error(kind: int, content: bytes) -> DecodeError | ParserFailed:
    if kind == _DECODE_ERROR:
        name, reason = content.decode().split(" ", 1)
        return _DECODE_ERRORS[name](reason)
    message, _, trace = content.decode(errors="replace").partition("\0")
    error = ParserFailed(message)
    error.add_note(trace)
    return error


def exit_error(status: int) -> DecodeError | None:
    """Return an error for the page that made the worker process exit, or None if another process killed the worker.

    :param status: exit status from `os.wait4`
    """
    if not os.WIFSIGNALED(status):
        return ParserCrashed(f"the parse worker ended with code {os.WEXITSTATUS(status)}")
    number = os.WTERMSIG(status)
    if number in (signal.SIGPROF, signal.SIGXCPU):
        return PageTooLarge(f"parsing takes more than {MAX_CPU_SECONDS} s of CPU time")
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
        return None
    return ParserCrashed(f"the page crashes the parser ({signal.Signals(number).name})")


# In the child --------------------------------------------------------------------------------------------------------


def parse_with_steps(
    page_parser: PageParser, text_steps: Sequence[Callable[[Any], Any]], page: PageResponse
) -> ParsedPage:
    """Parse a page and apply the text steps to its story, unless one of them drops it."""
    parsed = page_parser.parse(page)
    if (story := parsed.story) is not None:
        with suppress(DropItem):  # the item pipelines repeat the steps, and record the reject
            for step in text_steps:
                story = step(story)
            parsed.story = replace(story, text_steps_done=True)
    return parsed


def reply_of(work: Callable[[], bytes]) -> tuple[int, bytes]:
    """Return the kind and content of the reply to one page: the result of ``work``, or its error.

    The process ends if the page takes more than its CPU time.
    """
    # SIGPROF ends the process even while it runs C code.
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)
    try:
        return PARSED, work()
    except DecodeError as error:
        return _DECODE_ERROR, f"{type(error).__name__} {error}".encode()
    except MemoryError:
        return _DECODE_ERROR, f"{PageTooLarge.__name__} parsing takes more memory than allowed".encode()
    except Exception as error:  # noqa: BLE001 - raised again in the parent
        return _EXCEPTION, f"{type(error).__name__}: {error}\0{traceback.format_exc()}".encode(errors="replace")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _serve(
    parse: Callable[[PageResponse], ParsedPage], entry_points: tuple[EntryPoint, ...], link: socket.socket
) -> NoReturn:
    with link.makefile("rb") as pages:
        while len(sizes := pages.read(_SIZES.size)) == _SIZES.size:
            head, body = (pages.read(size) for size in _SIZES.unpack(sizes))
            work = partial(_parsed, parse, entry_points, head, body)
            link.sendall(frame(*reply_of(work)))
    os._exit(0)


def _parsed(
    parse: Callable[[PageResponse], ParsedPage], entry_points: tuple[EntryPoint, ...], head: bytes, body: bytes
) -> bytes:
    return dump_parsed_page(parse(load_page(head, body, entry_points)))
