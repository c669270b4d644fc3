"""The newspapers that there are: every spider in `crawler/spiders/`."""

from scrapy.settings import Settings
from scrapy.spiderloader import get_spider_loader

from crawler import settings
from crawler.spider import NewspaperSpider


def newspapers() -> dict[str, type[NewspaperSpider]]:
    """The newspapers by name, sorted."""
    loader = get_spider_loader(project_settings())
    spiders = {name: loader.load(name) for name in sorted(loader.list())}
    return {name: spider for name, spider in spiders.items() if issubclass(spider, NewspaperSpider)}


def zones() -> dict[str, str]:
    """The time zone of each newspaper, by name."""
    return {name: str(paper.zone) for name, paper in newspapers().items()}


def project_settings() -> Settings:
    """The settings of the project as Scrapy reads them."""
    values = Settings()
    values.setmodule(settings, priority="project")
    return values
