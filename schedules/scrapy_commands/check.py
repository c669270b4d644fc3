"""Command `scrapy check`: test the spider contracts (Scrapy's tests in the docstrings of callbacks)."""

from scrapy.commands.check import Command as ScrapyCheck

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyCheck):
    """Run the contracts of the spiders, without storing anything."""
