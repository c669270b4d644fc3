"""`scrapy fetch`: download a URL and print the response."""

from scrapy.commands.fetch import Command as ScrapyFetch

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyFetch):
    """Download one URL under the robots.txt rules and limits of a run."""

    takes_url = True
