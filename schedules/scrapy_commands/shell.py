"""Command `scrapy shell`: open an interactive console for one page."""

from scrapy.commands.shell import Command as ScrapyShell

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyShell):
    """Open an interactive console with a response and its spider, without storing anything."""

    takes_url = True
