"""Open the data folder, lock its sites, and open the ledger of a site (SQLite database), for a command."""

import argparse
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules.exit_codes import WrongUsage

if TYPE_CHECKING:
    from crawler.spider import NewspaperSpider
    from pipelines.ledger import Ledger
    from pipelines.storage.data_folder import DataFolder


def open_data(data: Path) -> "DataFolder":
    """Open an existing data folder; raises :class:`WrongUsage` if the folder does not exist."""
    from pipelines.storage.data_folder import DataFolder

    if not data.is_dir():
        raise WrongUsage(f"there is no folder {data}; --data must name the data folder of a crawl")
    return DataFolder(data)


def for_each_site(
    options: argparse.Namespace,
    action: Callable[["DataFolder", "type[NewspaperSpider]"], dict[str, Any]],
    *,
    is_read_only: bool = False,
) -> list[dict[str, Any]]:
    """Lock the sites named in ``options``, by default all that have data, and call ``action`` for each of them.

    Returns the results of ``action`` in the order of the sites, each with the name of the site as `site`.

    :param is_read_only: true if the data folder cannot be written; nothing is then locked or changed
    """
    from crawler.registry import newspapers
    from pipelines.storage.site_lock import SiteLock
    from schedules.runner.options import spider_named

    dataset = open_data(options.data)
    spiders = [spider_named(name) for name in dict.fromkeys(options.site)] or [
        spider for name, spider in newspapers().items() if dataset.ledger(name).exists() or dataset.holds(name)
    ]
    if is_read_only:
        return [{"site": spider.name} | action(dataset, spider) for spider in spiders]
    if spiders:
        dataset.prepare()
    with ExitStack() as locks:
        for spider in spiders:
            locks.enter_context(SiteLock.take(dataset.lock(spider.name)))
        return [{"site": spider.name} | action(dataset, spider) for spider in spiders]


def open_ledger(dataset: "DataFolder", spider: "type[NewspaperSpider]") -> "closing[Ledger]":
    from pipelines.publishing.exchange import open_ledger as open_site

    return closing(open_site(dataset, spider.name, spider.zone))
