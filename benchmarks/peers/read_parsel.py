"""Reading alone: parsel with a selector for each field."""

from naive import story
from parsel import Selector
from timing import Row, timed


def read(html: bytes, url: str) -> Row:
    """One page, as Scrapy and Crawlee hand it on."""
    return story(Selector(html.decode()))


if __name__ == "__main__":
    timed(read)
