"""`scrapy fetch`: print a response as the downloader gets it."""

from scrapy.commands.fetch import Command as ScrapyFetch

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyFetch):
    """Download one URL, with the robots rules and limits of a run."""

    takes_url = True
