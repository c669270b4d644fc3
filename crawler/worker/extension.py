"""Reading apart: pages are read in a process of their own, which a page may kill, and which has nothing to lose.

The parser is C code that no exception ends, and what it is given comes from outside. The process that reads has no
ledger, no lock, no log and no connection but the one to the crawl. It reads one page at a time, in the order in which
they came; one that ends it, or that takes too long, is refused by name, and a new one reads the next. So the crawl goes
on meanwhile, on another core where there is one.
"""

import asyncio
import logging
import os
import signal
import socket
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
from crawler.worker.process import Copy, message
from crawler.worker.protocol import Readings, answer_read, answer_written

logger = logging.getLogger(__name__)

# What reading a page may take, whether it is the parser that is at it or our own code; a wait does not count.
SECONDS_OF_WORK = 5
# Without an answer: it was stopped, or has lost its way in something that is no work.
SECONDS_TO_ANSWER = 120
_BETWEEN_LOOKS = 10.0
_SECONDS_FOR_A_REQUEST = 0.1
MEMORY_OF_A_PAGE = 512 * 2**20  # bytes; 8 MiB of whatever we tried, and no larger page is taken in, took less than half
_PAGE = struct.Struct("<II")  # how long the head of a page is, and its body
_READ, _REFUSED, _CRASHED = range(3)


class ReaderCrashed(Exception):
    """Our own code failed over a page, in the process that reads; its traceback is a note to this."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A page that was handed over and is not answered yet."""

    pieces: tuple[bytes, ...]
    reading: asyncio.Future[ParsedPage]
    killed: int = 0  # how often the process was killed over it, from outside


class ReadApart:
    """Gives a newspaper a process to read in, for as long as its crawl lasts."""

    def __init__(
        self,
        page_parser: PageParser,
        entry_points: tuple[EntryPoint, ...],
        text_steps: Sequence[Callable[[Any], Any]],
        stats: StatsCollector | None = None,
    ) -> None:
        """:param text_steps: pure functions that are applied to a story in that process, in order"""
        self._stats = stats
        self._page_parser, self._entry_points, self._text_steps = page_parser, entry_points, text_steps
        self._copy: Copy | None = None
        self._waiting: deque[_Waiting] = deque()
        self._readings = Readings()
        self._answered = 0.0
        self._opening: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        spider = crawler.spider
        if not isinstance(spider, NewspaperSpider) or not crawler.settings.getbool("KHOBOR_PARSE_IN_WORKER"):
            raise NotConfigured("pages are read by the process that asks for them")
        text_steps = [load_object(name) for name in crawler.settings.getlist("KHOBOR_TEXT_STEPS")]
        apart = cls(spider.page_parser, spider.entry_points, text_steps, crawler.stats)
        spider.parse_page = apart.read
        crawler.signals.connect(apart.open, signals.spider_opened)
        crawler.signals.connect(apart.give_up, run_must_end)
        crawler.signals.connect(apart.close, signals.spider_closed)
        return apart

    def open(self) -> None:
        """Begin as soon as the first request is out, if nothing is to be read before: it need not wait for this."""
        self._opening = asyncio.get_running_loop().call_later(_SECONDS_FOR_A_REQUEST, self._begin_early)

    async def read(self, answer: PageResponse) -> ParsedPage:
        """Parse a page; raises a :class:`DecodeError` for a fault of the page and :class:`ReaderCrashed` for ours."""
        head, body = answer_written(answer)
        loop = asyncio.get_running_loop()
        page = _Waiting((_PAGE.pack(len(head), len(body)), head, body), loop.create_future())
        if not self._waiting:
            self._answered = time.monotonic()
        self._waiting.append(page)
        if self._copy is not None:
            self._copy.send(page.pieces)
        else:
            self._begin()
        return await page.reading

    def _read(self, answer: PageResponse) -> ParsedPage:
        reading = self._page_parser.parse(answer)
        if (story := reading.story) is not None:
            with suppress(DropItem):  # the item pipelines repeat the steps, and keep the reject with its reason
                for step in self._text_steps:
                    story = step(story)
                reading.story = replace(story, text_steps_done=True)
        return reading

    def give_up(self) -> None:
        """Let go of every page that is not read yet; the next run asks for them again."""
        self._refuse(lambda: RunEnded("the run ended before the page was read"))
        self.close()

    def close(self) -> None:
        """End the process. It holds nothing, so it need not be told."""
        for timer in (self._opening, self._looking):
            if timer is not None:
                timer.cancel()
        if self._copy is not None:
            peak = self._copy.end()
            if self._stats is not None:
                self._stats.max_value("memusage/reading/max", peak)
            self._copy = None

    def _begin_early(self) -> None:
        if self._copy is None:
            self._begin()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()

        def serve(link: socket.socket) -> NoReturn:
            _serve(link, self._read, self._entry_points)

        try:
            self._copy = Copy(loop, serve, self._hear, self._ended, MEMORY_OF_A_PAGE)
        except OSError as error:
            reason = f"there was no process to read it in: {error.strerror}"
            self._refuse(lambda: ParserCrashed(reason))
            return
        for page in self._waiting:
            self._copy.send(page.pieces)
        if self._looking is None:
            self._looking = loop.call_later(_BETWEEN_LOOKS, self._look)

    def _hear(self, kind: int, said: bytes) -> None:
        page = self._waiting.popleft()
        self._answered = time.monotonic()
        reading: ParsedPage | Exception
        try:
            # Also when whoever asked is gone: the next reading may name a list that this one tells.
            reading = self._readings.read(said) if kind == _READ else _error_told(kind, said)
        except Exception as error:  # noqa: BLE001 - it is raised where the page is waited for
            reading = error
        if page.reading.done():
            return
        if isinstance(reading, ParsedPage):
            page.reading.set_result(reading)
        else:
            page.reading.set_exception(reading)

    def _ended(self, status: int) -> None:
        """The process is gone: over the first page that waits, if there is one."""
        self._copy = None
        if not self._waiting:
            return
        page = self._waiting[0]
        refusal = _refusal_of(status)
        logger.warning("the process that reads pages is gone: %s", refusal or "it was killed")
        if refusal is None:  # from outside, which says nothing of the page; twice does
            page.killed += 1
            if page.killed > 1:
                refusal = ParserCrashed("the process was killed twice while it read the page")
        if refusal is not None:
            self._waiting.popleft()
            if not page.reading.done():
                page.reading.set_exception(refusal)
        if self._waiting:
            self._answered = time.monotonic()
            self._begin()

    def _look(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_BETWEEN_LOOKS, self._look)
        if self._copy is not None and self._waiting and time.monotonic() - self._answered > SECONDS_TO_ANSWER:
            self._copy.kill()

    def _refuse(self, refusal: Callable[[], Exception]) -> None:
        while self._waiting:
            page = self._waiting.popleft()
            if not page.reading.done():
                page.reading.set_exception(refusal())


_DECODE_ERRORS = {kind.__name__: kind for kind in (PageTooLarge, PageCorrupt)}


def _error_told(kind: int, said: bytes) -> DecodeError | ReaderCrashed:
    if kind == _REFUSED:
        kind_of, reason = said.decode().split(" ", 1)
        return _DECODE_ERRORS[kind_of](reason)
    what, _, trace = said.decode(errors="replace").partition("\0")
    error = ReaderCrashed(what)
    error.add_note(trace)
    return error


def _refusal_of(status: int) -> DecodeError | None:
    """What the end of the process says of the page that it read; None where it was killed from outside."""
    if not os.WIFSIGNALED(status):
        return ParserCrashed(f"the process that read the page ended with code {os.WEXITSTATUS(status)}")
    number = os.WTERMSIG(status)
    if number in (signal.SIGPROF, signal.SIGXCPU):
        return PageTooLarge(f"reading the page takes more than {SECONDS_OF_WORK} s")
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP):
        return None
    return ParserCrashed(f"reading the page crashes the parser ({signal.Signals(number).name})")


# The process, as it has itself ----------------------------------------------------------------------------------------


def _serve(
    link: socket.socket, read: Callable[[PageResponse], ParsedPage], entry_points: tuple[EntryPoint, ...]
) -> NoReturn:
    """Read page after page, and say of each what came of it, until nobody is there any more."""
    readings = Readings()
    with link.makefile("rb") as pages:
        while len(sizes := pages.read(_PAGE.size)) == _PAGE.size:
            head, body = (pages.read(size) for size in _PAGE.unpack(sizes))
            # It ends the process whatever that does; only work counts, so that a busy machine does no harm.
            signal.setitimer(signal.ITIMER_PROF, SECONDS_OF_WORK)
            kind, said = _reply(read, readings, head, body, entry_points)
            signal.setitimer(signal.ITIMER_PROF, 0)
            link.sendall(message(kind, said))
    os._exit(0)


def _reply(
    read: Callable[[PageResponse], ParsedPage],
    readings: Readings,
    head: bytes,
    body: bytes,
    entry_points: tuple[EntryPoint, ...],
) -> tuple[int, bytes]:
    try:
        return _READ, readings.written(read(answer_read(head, body, entry_points)))
    except DecodeError as error:
        return _REFUSED, f"{type(error).__name__} {error}".encode()
    except MemoryError:
        return _REFUSED, f"{PageTooLarge.__name__} reading the page takes more memory than there is".encode()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told, and raised again there)
        said = f"{type(error).__name__}: {error}\0{traceback.format_exc()}"
        return _CRASHED, said.encode(errors="replace")
