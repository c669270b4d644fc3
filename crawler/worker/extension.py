"""Parse worker: a child process that parses pages, one at a time and in order.

The HTML parser is C code, and pages are untrusted input. A page that crashes the parser, hangs it or exhausts memory
only ends the child, which has no database, lock or connection open. Parsing that page fails with a
:class:`DecodeError`, and a new child parses the next one.
"""

import asyncio
import logging
import os
import signal
import socket
import struct
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
_PARSED, _DECODE_ERROR, _EXCEPTION = range(3)
_DECODE_ERRORS = {kind.__name__: kind for kind in (PageTooLarge, PageCorrupt)}


class ParserFailed(Exception):
    """Raised for an internal error of the parser; the traceback of the worker is attached as a note."""


@dataclass(eq=False, slots=True)
class _Job:
    pieces: tuple[bytes, ...]
    result: asyncio.Future[ParsedPage]
    was_killed: bool = False  # another process has killed the child while it parsed this page


class ParseWorker:
    """Extension that parses a spider's pages in a child process."""

    def __init__(
        self,
        page_parser: PageParser,
        entry_points: tuple[EntryPoint, ...],
        text_steps: Sequence[Callable[[Any], Any]],
        stats: StatsCollector | None = None,
    ) -> None:
        """:param text_steps: pure functions that are applied to each story, in order"""
        self._page_parser, self._entry_points, self._text_steps = page_parser, entry_points, text_steps
        self._stats = stats
        self._child: ChildProcess | None = None
        self._queue: deque[_Job] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider = crawler.spider
        if not isinstance(spider, NewspaperSpider) or not crawler.settings.getbool("KHOBOR_PARSE_IN_WORKER"):
            raise NotConfigured("pages are parsed in the process of the crawl")
        text_steps = [load_object(name) for name in crawler.settings.getlist("KHOBOR_TEXT_STEPS")]
        worker = cls(spider.page_parser, spider.entry_points, text_steps, crawler.stats)
        spider.parse_page = worker.parse
        crawler.signals.connect(worker.give_up, run_must_end)
        crawler.signals.connect(worker.close, signals.spider_closed)
        return worker

    async def parse(self, page: PageResponse) -> ParsedPage:
        """Parse a page in the child process.

        :raises DecodeError: the page cannot be parsed
        :raises ParserFailed: internal error of the parser
        """
        head, body = dump_page(page)
        job = _Job((_SIZES.pack(len(head), len(body)), head, body), asyncio.get_running_loop().create_future())
        self._queue.append(job)
        if self._child is None:
            self._start()
        else:
            self._child.send(job.pieces)
            if len(self._queue) == 1:
                self._restart_timer()
        return await job.result

    def give_up(self) -> None:
        """Fail all queued pages when the run must end; the next run requests them again."""
        self._fail_all(RunEnded("the run ended before the page was parsed"))
        self.close()

    def close(self) -> None:
        child, self._child = self._child, None
        self._restart_timer()
        if child is not None:
            peak = child.end()
            if self._stats is not None:
                self._stats.max_value("memusage/reading/max", peak)

    def _start(self) -> None:
        serve = partial(_serve, self._parse, self._entry_points)
        try:
            self._child = ChildProcess(
                asyncio.get_running_loop(), serve, self._on_message, self._on_exit, MAX_PAGE_MEMORY
            )
        except OSError as error:
            self._fail_all(ParserCrashed(f"no process could be started to parse it: {error.strerror}"))
            return
        for job in self._queue:
            self._child.send(job.pieces)
        self._restart_timer()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._queue and self._child is not None:
            self._timer = asyncio.get_running_loop().call_later(MAX_RESPONSE_SECONDS, self._child.kill)

    def _on_message(self, kind: int, content: bytes) -> None:
        job = self._queue.popleft()
        self._restart_timer()
        try:
            if kind != _PARSED:
                raise _load_error(kind, content)
            parsed = load_parsed_page(content)
            if not job.result.done():
                job.result.set_result(parsed)
        except Exception as error:  # noqa: BLE001 - raised where the page is awaited
            _fail(job, error)

    def _on_exit(self, status: int) -> None:
        """Fail the page that ended the child and start a new child for the rest.

        If another process killed the child, the page is parsed once more instead.
        """
        self._child = None
        self._restart_timer()
        if not self._queue:
            return
        error = _exit_error(status)
        logger.warning("the parse worker exited: %s", error or "it was killed")
        if error is None and self._queue[0].was_killed:
            error = ParserCrashed("the parse worker was killed twice while it parsed the page")
        self._queue[0].was_killed = True
        if error is not None:
            _fail(self._queue.popleft(), error)
        if self._queue:
            self._start()

    def _fail_all(self, error: Exception) -> None:
        while self._queue:
            _fail(self._queue.popleft(), error)

    def _parse(self, page: PageResponse) -> ParsedPage:
        parsed = self._page_parser.parse(page)
        if (story := parsed.story) is not None:
            with suppress(DropItem):  # the item pipelines repeat the steps, and record the reject
                for step in self._text_steps:
                    story = step(story)
                parsed.story = replace(story, text_steps_done=True)
        return parsed


def _fail(job: _Job, error: Exception) -> None:
    if not job.result.done():
        job.result.set_exception(error)


def _load_error(kind: int, content: bytes) -> DecodeError | ParserFailed:
    if kind == _DECODE_ERROR:
        name, reason = content.decode().split(" ", 1)
        return _DECODE_ERRORS[name](reason)
    message, _, trace = content.decode(errors="replace").partition("\0")
    error = ParserFailed(message)
    error.add_note(trace)
    return error


def _exit_error(status: int) -> DecodeError | None:
    """Return the error of the page that ended the child, or None if another process killed the child."""
    if not os.WIFSIGNALED(status):
        return ParserCrashed(f"the parse worker ended with code {os.WEXITSTATUS(status)}")
    number = os.WTERMSIG(status)
    if number in (signal.SIGPROF, signal.SIGXCPU):
        return PageTooLarge(f"parsing takes more than {MAX_CPU_SECONDS} s of CPU time")
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
        return None
    return ParserCrashed(f"the page crashes the parser ({signal.Signals(number).name})")


# In the child --------------------------------------------------------------------------------------------------------


def _serve(
    parse: Callable[[PageResponse], ParsedPage], entry_points: tuple[EntryPoint, ...], link: socket.socket
) -> NoReturn:

    def reply(head: bytes, body: bytes) -> tuple[int, bytes]:
        try:
            return _PARSED, dump_parsed_page(parse(load_page(head, body, entry_points)))
        except DecodeError as error:
            return _DECODE_ERROR, f"{type(error).__name__} {error}".encode()
        except MemoryError:
            return _DECODE_ERROR, f"{PageTooLarge.__name__} parsing takes more memory than allowed".encode()
        except Exception as error:  # noqa: BLE001 - raised again in the parent
            return _EXCEPTION, f"{type(error).__name__}: {error}\0{traceback.format_exc()}".encode(errors="replace")

    with link.makefile("rb") as pages:
        while len(sizes := pages.read(_SIZES.size)) == _SIZES.size:
            head, body = (pages.read(size) for size in _SIZES.unpack(sizes))
            # SIGPROF ends the process even while it runs C code.
            signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)
            message = frame(*reply(head, body))
            signal.setitimer(signal.ITIMER_PROF, 0)
            link.sendall(message)
    os._exit(0)
