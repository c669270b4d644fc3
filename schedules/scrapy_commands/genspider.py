"""`scrapy genspider`: create a spider from a template."""

from scrapy.commands.genspider import Command as ScrapyGenspider

from schedules.scrapy_commands.read_only import ReadOnly


class Command(ReadOnly, ScrapyGenspider):
    """Create a spider in `crawler/spiders/`."""
