"""Registry of the newspaper sites; each site has a spider in its own file.

The files are in `crawler/spiders/` and in a folder of the user, :func:`crawler.spiders.sites_folder`, which an
installed copy needs for sites of its own.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from scrapy import Spider
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings, Settings
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.spider import iter_spider_classes

from crawler import spiders
from crawler.declarations import declared_at, problems
from crawler.spider import NewspaperSpider
from crawler.suggestions import closest, suggestion

#: Modules from which a site file may import classes and functions.
_FOR_SITES = (
    *("crawler.spider", "crawler.parsing.layout", "crawler.parsing.extractors"),
    *("crawler.parsing.ranked_lists", "crawler.entry_points"),
)
_UNKNOWN_ARGUMENT = re.compile(r"\b(\w++)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_UNKNOWN_NAME = re.compile(r"cannot import name '(\w+)'|name '(\w+)' is not defined")

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

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> "SiteLoader":
        """Return the loader of the process, so that a file with an error is imported and reported once."""
        return _loader(*settings.getlist("SPIDER_MODULES"))

    def load(self, spider_name: str) -> type[Spider]:
        if spider_name in self.errors:
            raise UsageError(self.errors[spider_name])
        return super().load(spider_name)

    def _import_all(self, package: str) -> list[str]:
        names = []
        for module in iter_modules(import_module(package).__path__):
            try:
                site = import_module(f"{package}.{module.name}")
                unfit = [*_faults(site, module.name)]
            except Exception as error:  # noqa: BLE001 - any error of a site's file concerns that site only
                self.errors[module.name] = _describe(error, module.name)
            else:
                if not unfit:
                    names.append(site.__name__)
                    continue
                self.errors[module.name] = f"the site {module.name} is misdeclared: {'; '.join(unfit)}"
            logger.warning("%s", self.errors[module.name])
        return names


def _faults(site: ModuleType, file: str) -> Iterator[str]:
    found = [*iter_spider_classes(site)]
    if not found and not file.startswith("_"):
        yield f"{site.__file__}:1: no class with a `name`: derive one from NewspaperSpider, or from that of a family"
    for spider in found:
        if issubclass(spider, NewspaperSpider):
            if spider.name != file:
                place = declared_at(spider, "name")
                yield f"{place}: the name is {spider.name!r}: it must be that of the file, {file!r}"
            yield from problems(spider)


def _describe(error: Exception, name: str) -> str:
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        frame = next((each for each in reversed(frames) if Path(each.filename).name == f"{name}.py"), frames[-1])
        place = f"{frame.filename}:{frame.lineno}"
    return f"the site {name} cannot be loaded: {place}: {type(error).__name__}: {error}{_hint(str(error))}"


def _hint(message: str) -> str:
    """Return a correction for a wrong argument or a name that is in another module, or an empty string."""
    names = _names_for_sites()
    if match := _UNKNOWN_ARGUMENT.search(message):
        owner, argument = match.groups()
        known = signature(getattr(import_module(names[owner]), owner)).parameters if owner in names else ()
        return f"; {suggestion(argument, known)}" if known else ""
    if match := _UNKNOWN_NAME.search(message):
        wanted = match[1] or match[2]
        name = wanted if wanted in names else closest(wanted, names, cutoff=0.8)
        return f"; write `from {names[name]} import {name}`" if name else ""
    return ""


@cache
def _names_for_sites() -> dict[str, str]:
    """Return the module of each name that a site file may import from Khobor."""
    names = {each.name: "crawler.cms" for each in iter_modules(import_module("crawler.cms").__path__)}
    for module in _FOR_SITES:
        own = {name for name, each in vars(import_module(module)).items() if getattr(each, "__module__", "") == module}
        names |= {name: module for name in sorted(own) if not name.startswith("_")}
    return names


def broken_site_of(host: str) -> str | None:
    """Return the error message of a site file that cannot be loaded and contains a host name, or None."""
    for name, error in site_loader().errors.items():
        folders = (Path(folder) for folder in spiders.__path__)
        path = next((file for folder in folders if (file := folder / f"{name}.py").is_file()), None)
        text = path.read_text(encoding="utf-8", errors="replace") if path else ""
        if host and re.search(
            rf"(?<![\w.-]){re.escape(host.removeprefix('www.'))}(?![\w.-])", text.replace("www.", "")
        ):
            return error
    return None


def newspapers() -> dict[str, type[NewspaperSpider]]:
    """Return the spider classes by name, in alphabetical order, without those whose file has an error."""
    loader = site_loader()
    return {name: spider for name in sorted(loader.list()) if issubclass(spider := loader.load(name), NewspaperSpider)}


@cache
def site_loader() -> SiteLoader:
    return SiteLoader.from_settings(project_settings())


@cache
def _loader(*packages: str) -> SiteLoader:
    return SiteLoader(Settings({"SPIDER_MODULES": packages}))


def zones() -> dict[str, str]:
    return {name: str(spider.zone) for name, spider in newspapers().items()}


def project_settings() -> Settings:
    settings = Settings()
    settings.setmodule("crawler.settings", priority="project")
    return settings
