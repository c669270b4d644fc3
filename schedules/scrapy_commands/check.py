"""`scrapy check`: check the contracts of the spiders."""

from scrapy.commands.check import Command as ScrapyCheck

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyCheck):
    """Run the contracts of spiders without storing anything."""
