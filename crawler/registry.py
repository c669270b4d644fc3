"""Registry of the newspaper sites; each site has a spider in its own file.

The files are in `crawler/spiders/` and in a folder of the user, :func:`crawler.spiders.sites_folder`, which an
installed copy needs for sites of its own.
"""

import logging
import traceback
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from scrapy import Spider
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings, Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.spider import iter_spider_classes

from crawler import spiders
from crawler.declarations import declared_at, problems
from crawler.spider import NewspaperSpider

logger = logging.getLogger(__name__)


class SiteLoader(SpiderLoader):
    """Scrapy spider loader that loads all sites whose file can be imported, and logs an error for each other file."""

    def __init__(self, settings: BaseSettings) -> None:
        #: Error message with file and line, by name of the module that could not be imported.
        self.errors: dict[str, str] = {}
        if (folder := str(spiders.sites_folder())) not in spiders.__path__:
            spiders.__path__.insert(0, folder)
        modules = [name for package in settings.getlist("SPIDER_MODULES") for name in self._import_all(package)]
        super().__init__(Settings({"SPIDER_MODULES": modules}))

    def load(self, spider_name: str) -> type[Spider]:
        if spider_name in self.errors:
            raise UsageError(self.errors[spider_name])
        return super().load(spider_name)

    def _import_all(self, package: str) -> list[str]:
        names = []
        for module in iter_modules(import_module(package).__path__):
            try:
                site = import_module(f"{package}.{module.name}")
                unfit = [
                    text
                    for spider in iter_spider_classes(site)
                    if issubclass(spider, NewspaperSpider)
                    for text in (*_misnamed(spider, module.name), *problems(spider))
                ]
            except Exception as error:  # noqa: BLE001 - any error of a site's file concerns that site only
                self.errors[module.name] = _describe(error, module.name)
            else:
                if not unfit:
                    names.append(site.__name__)
                    continue
                self.errors[module.name] = f"the site {module.name} is misdeclared: {'; '.join(unfit)}"
            logger.warning("%s", self.errors[module.name])
        return names


def _misnamed(spider: type[NewspaperSpider], file: str) -> Iterator[str]:
    if spider.name != file:
        yield f"{declared_at(spider, 'name')}: the name is {spider.name!r}: it must be that of the file, {file!r}"


def _describe(error: Exception, name: str) -> str:
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        frame = next((each for each in reversed(frames) if each.filename.endswith(f"/{name}.py")), frames[-1])
        place = f"{frame.filename}:{frame.lineno}"
    return f"the site {name} cannot be loaded: {place}: {type(error).__name__}: {error}"


def newspapers() -> dict[str, type[NewspaperSpider]]:
    """Return the spider classes by name, in alphabetical order, without those whose file has an error."""
    loader = site_loader()
    return {name: spider for name in sorted(loader.list()) if issubclass(spider := loader.load(name), NewspaperSpider)}


@cache
def site_loader() -> SiteLoader:
    return SiteLoader(project_settings())


def zones() -> dict[str, str]:
    return {name: str(spider.zone) for name, spider in newspapers().items()}


def project_settings() -> Settings:
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    return settings
