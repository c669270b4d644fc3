"""Command `scrapy genspider`: create the file of a new spider from a template."""

from scrapy.commands.genspider import Command as ScrapyGenspider

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyGenspider):
    """Create the file of a new spider in `crawler/spiders/`."""
