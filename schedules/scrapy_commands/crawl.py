"""`scrapy crawl` in this project: told to end, it ends within seconds, and its exit code is that of its verdict.

Scrapy finds it by the setting `COMMANDS_MODULE`. The launcher starts each run by it too, so both go the same way.
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
from schedules.exit_codes import GRAVER, REASONS, ExitCode, describe_error
from schedules.runner.log_tail import print_error

SECONDS_BETWEEN_LOOKS = 0.1
# A page makes thousands of objects, and nearly none of them is garbage that only a collection finds.
GC_THRESHOLD = 20_000, 10, 10


class Command(ScrapyCrawl):
    """Runs one newspaper."""

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        assert self.settings is not None
        if self.settings["KHOBOR_LOG_FORMAT"] == "json":
            write_json(args[0] if args else None, self.settings["KHOBOR_RUN_ID"])
            self.settings.set("LOG_FORMAT", "%(message)s", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            super().run(args, opts)  # says what is wrong
            return
        assert self.crawler_process is not None
        gc.set_threshold(*GC_THRESHOLD)  # inherited by the worker process
        try:
            crawler = self._create_crawler(args[0])
        except KeyError as error:
            raise UsageError(f"there is no newspaper {args[0]!r}; `scrapy list` names them") from error
        # Else it makes a record of every answer and link, for a handler to drop.
        logging.getLogger("scrapy").setLevel(crawler.settings["LOG_LEVEL"])
        told = Told(crawler)
        crawl = self.crawler_process.crawl(crawler, **opts.spargs)
        self.crawler_process.start(install_signal_handlers=False)
        failure = crawl.exception() if isinstance(crawl, asyncio.Task) and crawl.done() else None
        self.exitcode = _exit_code(crawler, failure, told.number)


def _exit_code(crawler: Crawler, error: BaseException | None, told: int | None) -> int:
    from pipelines.runtime.run import Run
    from schedules.monitoring.verdict import EvaluateRun

    run = crawler.get_extension(Run) if error is None else None
    evaluation = crawler.get_extension(EvaluateRun) if error is None else None
    if error is not None:
        code, sentence = describe_error(error)
        if environ.get("KHOBOR_DEBUG"):
            traceback.print_exception(error)
        print_error(sentence)
    elif run is not None and run.fatal_error is not None and (evaluation is None or evaluation.report is None):
        code = ExitCode.DAMAGED if run.fatal_error.reason == "damaged" else ExitCode.STORAGE
        print_error(run.fatal_error.sentence)
    elif evaluation is not None and evaluation.report is not None:
        code = ExitCode(evaluation.report["verdict"]["exit_code"])
    else:
        code = ExitCode.INTERNAL
    return ExitCode.of_signal(told) if told is not None and code not in GRAVER else code


class Told:
    """Hears SIGINT and SIGTERM: the first ends the run, the second drops what is being downloaded.

    What is accepted by then is published either way. Until the crawl goes on, the first one waits for that.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.number: int | None = None
        self._times = 0
        self._crawler = crawler
        self._closing: asyncio.Future[None] | None = None
        for number in REASONS:
            signal.signal(number, self._hear)

    def _hear(self, number: int, _: object) -> None:
        from twisted.internet import reactor

        self._times += 1
        self.number = self.number or number
        reactor.callFromThread(self._end if self._times == 1 else self._drop)

    def _end(self) -> None:
        engine = engine_of(self._crawler)
        if engine is None or not engine.running:
            call_later(SECONDS_BETWEEN_LOOKS, self._end)
            return
        assert self.number is not None
        reason = REASONS[signal.Signals(self.number)]
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def _drop(self) -> None:
        self._crawler.signals.send_catch_log(run_must_end)
