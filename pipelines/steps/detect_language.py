"""Text step that sets the language of a story, and drops stories whose text is damaged."""

from dataclasses import replace
from typing import Any

from crawler.bengali.damage import count_letters, damaged_letters, legacy_letters
from crawler.bengali.text import has_mojibake, language_by_script
from crawler.items import ParsedStory
from pipelines.drop_reasons import DamagedText, LegacyFont, NoLanguage

# Languages that the script does not tell apart, and declared ones that it contradicts.
_BY_LATIN_SCRIPT = frozenset(("en", "und"))
_NOT_LATIN = frozenset((None, "bn", "as"))
MAX_DAMAGED_SHARE = 0.01  # of the letters of the headline or the body


def detect_language(item: Any) -> Any:
    if not isinstance(item, ParsedStory):
        return item
    damaged = _check_damage(item.story.headline) + _check_damage(item.story.body)
    detected = language_by_script(f"{item.story.headline}\n\n{item.story.body}")
    if detected is None:
        raise NoLanguage("the text has no letters")
    if has_mojibake(item.story.body):
        raise NoLanguage("the text was decoded with the wrong charset")
    if detected in _BY_LATIN_SCRIPT and item.story.language not in _NOT_LATIN:  # the page names the language
        detected = item.story.language
    return replace(item, story=replace(item.story, language=detected), damaged_letters=damaged)


def _check_damage(text: str) -> int:
    """Return the number of undecodable letters in a text, which must not exceed 1 % of its letters.

    Otherwise :class:`DamagedText` is raised, or :class:`LegacyFont` if at least half of them are in a font encoding
    from before Unicode.
    """
    damaged = damaged_letters(text)
    if damaged and damaged > MAX_DAMAGED_SHARE * count_letters(text):
        legacy = legacy_letters(text)
        if legacy * 2 >= damaged:
            raise LegacyFont(f"{legacy} letters are in a font encoding from before Unicode, such as Bijoy")
        raise DamagedText(f"{damaged} letters could not be decoded")
    return damaged
