"""Settings and URL check shared by the commands that are inherited from Scrapy and must not change the stored data.

The commands obey robots.txt and the download delays, but do not use the item pipelines, the extension that records a
run, and the worker process for parsing. Pages are parsed in the process of the command, within the time limit of the
parser, and requests are queued in memory. The user can override these settings with the option `-s NAME=VALUE`.
"""

from argparse import Namespace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy.exceptions import UsageError
from scrapy.settings import Settings
from scrapy.utils.url import guess_scheme

from crawler.registry import newspapers
from schedules.trial.without_storage import WITHOUT_STORAGE

SETTINGS: dict[str, Any] = {
    **WITHOUT_STORAGE,
    "EXTENSIONS_BASE": {**WITHOUT_STORAGE["EXTENSIONS_BASE"], "scrapy.extensions.feedexport.FeedExporter": 50},
    "LOG_LEVEL": "WARNING",
    "NEWSPIDER_MODULE": "crawler.spiders",
}


class ReadOnly:
    """Mixin for Scrapy commands that must not change the stored data.

    It applies `SETTINGS`, and rejects a URL whose host belongs to no known newspaper. It is not a subclass of
    `ScrapyCommand`, because Scrapy would list it as a command.
    """

    takes_url: ClassVar[bool] = False
    settings: Settings | None

    def process_options(self, args: list[str], opts: Namespace) -> None:
        assert self.settings is not None
        self.settings.setdict(SETTINGS, priority="cmdline")
        super().process_options(args, opts)  # type: ignore[misc]
        if self.takes_url and args:
            sites = newspapers()
            chosen = [sites[opts.spider]] if opts.spider in sites else sites.values()
            hosts = [host for site in chosen for host in site.hosts]
            if urlsplit(guess_scheme(args[0])).hostname not in hosts:
                raise UsageError(f"{args[0]} is on no host of a newspaper: {', '.join(hosts)}", print_help=False)
