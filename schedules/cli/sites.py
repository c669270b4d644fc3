"""Holding: the data folder that a command is about, and the newspapers in it, locked while it changes them."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from crawler.spider import NewspaperSpider
    from pipelines.ledger import Ledger
    from pipelines.storage.data_folder import DataFolder


def existing(data: Path) -> "DataFolder":
    """The data folder for a command that only reads it."""
    from pipelines.storage.data_folder import DataFolder

    if not data.is_dir():
        raise WrongUsage(f"there is no folder {data}; --data names the one that a crawl wrote")
    return DataFolder(data)


def nothing_in(data: Path) -> str:
    """What to say where there is no newspaper."""
    return f"Nothing of any newspaper is in {data}."


@contextmanager
def held(options: argparse.Namespace) -> Iterator["list[tuple[DataFolder, type[NewspaperSpider]]]"]:
    """The data folder and its newspapers, those named or all that it has something of, and all locked."""
    from pipelines.storage.site_lock import SiteLock

    dataset = existing(options.data)
    if papers := _papers(options, dataset):
        dataset.prepare()
    with ExitStack() as locks:
        for paper in papers:
            locks.enter_context(SiteLock.take(dataset.lock(paper.name)))
        yield [(dataset, paper) for paper in papers]


def _papers(options: argparse.Namespace, dataset: "DataFolder") -> list["type[NewspaperSpider]"]:
    from crawler.registry import newspapers
    from schedules.runner.options import spider_named

    if options.site:
        return [spider_named(name) for name in dict.fromkeys(options.site)]
    return [p for p in newspapers().values() if dataset.ledger(p.name).exists() or dataset.holds(p.name)]


def ledger_of(dataset: "DataFolder", paper: "type[NewspaperSpider]") -> "closing[Ledger]":
    """The ledger of a newspaper, open for as long as a block of code lasts."""
    from pipelines.ledger import Ledger

    expected = dataset.holds(paper.name)
    return closing(Ledger.open(dataset.ledger(paper.name), paper.name, paper.zone, expected=expected))
