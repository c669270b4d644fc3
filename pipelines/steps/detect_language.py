"""Text step that sets the language of a story, and rejects text without letters or in the wrong charset."""

from dataclasses import replace
from typing import Any

from crawler.bengali.text import has_mojibake, language_by_script
from crawler.items import ParsedStory
from pipelines.drop_reasons import NoLanguage


def detect_language(item: Any) -> Any:
    if not isinstance(item, ParsedStory):
        return item
    detected = language_by_script(f"{item.story.headline}\n\n{item.story.body}")
    if detected is None:
        raise NoLanguage("the text has no letters")
    if has_mojibake(item.story.body):
        raise NoLanguage("the text was decoded with the wrong charset")
    return replace(item, story=replace(item.story, language=detected))
