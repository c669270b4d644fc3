"""Command `scrapy crawl`: crawl one newspaper, and exit with the exit code that its evaluation returns.

SIGINT and SIGTERM stop the run within seconds. The command `khobor crawl` also starts its runs with this command.
"""

import argparse
import asyncio
import gc
import logging
import signal
import traceback
from os import environ

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from scrapy.utils.asyncio import call_later

from crawler.downloader.graceful_stop import run_must_end
from crawler.log_records import write_json
from crawler.scrapy_internals import engine_of
from schedules.exit_codes import CLOSE_REASONS, OUTRANKS_SIGNAL, ExitCode, describe_error
from schedules.runner.log_tail import print_error

RETRY_SECONDS = 0.1
# Parsing a page creates thousands of objects, but almost no reference cycles, so frequent collections only cost time.
GC_THRESHOLD = 20_000, 10, 10


class Command(ScrapyCrawl):
    """Crawl one newspaper."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        if self.settings["KHOBOR_LOG_FORMAT"] == "json":
            write_json(args[0] if args else None, self.settings["KHOBOR_RUN_ID"])
            self.settings.set("LOG_FORMAT", "%(message)s", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            super().run(args, opts)  # raises a usage error
            return
        assert self.crawler_process is not None
        gc.set_threshold(*GC_THRESHOLD)  # inherited by the worker process that parses pages
        try:
            crawler = self._create_crawler(args[0])
        except KeyError as error:
            raise UsageError(f"there is no newspaper {args[0]!r}; `scrapy list` shows them") from error
        # Otherwise Scrapy creates a log record for every response and link, only for a handler to discard it.
        logging.getLogger("scrapy").setLevel(crawler.settings["LOG_LEVEL"])
        stop_signals = StopSignals(crawler)
        crawl = self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start(install_signal_handlers=False)
        failure = crawl.exception() if isinstance(crawl, asyncio.Task) and crawl.done() else None
        self.exitcode = _exit_code(crawler, failure)
        if stop_signals.first is not None and self.exitcode not in OUTRANKS_SIGNAL:
            self.exitcode = ExitCode.of_signal(stop_signals.first)


def _exit_code(crawler: Crawler, error: BaseException | None) -> int:
    from pipelines.runtime.run import Run
    from schedules.monitoring.verdict import EvaluateRun

    if error is not None:
        code, sentence = describe_error(error)
        if environ.get("KHOBOR_DEBUG"):
            traceback.print_exception(error)
        print_error(sentence)
        return code
    run, evaluation = crawler.get_extension(Run), crawler.get_extension(EvaluateRun)
    if evaluation is not None and evaluation.report is not None:
        return ExitCode(evaluation.report["verdict"]["exit_code"])
    if run is not None and run.fatal_error is not None:
        print_error(run.fatal_error.sentence)
        return ExitCode.DAMAGED if run.fatal_error.reason == "damaged" else ExitCode.STORAGE
    return ExitCode.INTERNAL


class StopSignals:
    """Handler of SIGINT and SIGTERM: the first signal closes the spider, the second also drops running downloads.

    In both cases, everything stored is published. A signal received before the engine has started is handled as soon as
    it has started.
    """

    def __init__(self, crawler: Crawler) -> None:
        #: The first signal received.
        self.first: int | None = None
        self._crawler = crawler
        self._closing: asyncio.Future[None] | None = None
        for number in CLOSE_REASONS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: object) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(self._close if self.first is None else self._drop_downloads)
        self.first = self.first or number

    def _close(self) -> None:
        engine = engine_of(self._crawler)
        if engine is None or not engine.running:
            call_later(RETRY_SECONDS, self._close)
            return
        assert self.first is not None
        reason = CLOSE_REASONS[signal.Signals(self.first)]
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def _drop_downloads(self) -> None:
        self._crawler.signals.send_catch_log(run_must_end)
