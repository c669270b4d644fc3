"""Know the language: every kept text is in one, and the row says which."""

from typing import Any

from crawler.bengali.text import language, looks_mojibake
from crawler.items import Story
from pipelines.drop_reasons import NoLanguage


class KnowLanguage:
    """Sets the language of a story, and refuses a text that is in none."""

    def process_item(self, item: Any) -> Any:
        if isinstance(item, Story):
            if not item.is_prepared:
                item.language = language(f"{item.headline}\n\n{item.body}")
            if item.language is None:
                raise NoLanguage("the text has no letters")
            if looks_mojibake(item.body):
                raise NoLanguage("the text was read in another encoding than it was written in")
        return item
