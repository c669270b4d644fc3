"""Command `scrapy fetch`: download a URL and print the response."""

from scrapy.commands.fetch import Command as ScrapyFetch

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyFetch):
    """Download one URL with the same robots.txt rules and limits as a crawl."""

    takes_url = True
