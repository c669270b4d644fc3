"""Noise in the text of a page: other code points, invisible characters, entities, hidden e-mail addresses."""

import re
from html import escape
from itertools import count

from .bengali_text import NUKTA, VIRAMA, ZWJ, ZWNJ

_PRECOMPOSED = {f"য{NUKTA}": "\u09df", f"ড{NUKTA}": "\u09dc", f"ঢ{NUKTA}": "\u09dd"}
_SPLIT = {"\u09cb": "\u09c7\u09be", "\u09cc": "\u09c7\u09d7"}
_MAIL = re.compile(r"[\w.]+@[\w.]+\w")


class TextNoise:
    """Noise of one page by its traits, all of which a correct parser removes."""

    def __init__(self, traits: frozenset[str]) -> None:
        self.traits = traits

    def text(self, clean: str) -> str:
        html = _MAIL.sub(lambda match: _obfuscated(match[0]), escape(self._letters(clean), quote=False))
        return self._entities(self._spaces(html))

    def attribute(self, clean: str) -> str:
        return self._entities(escape(self._letters(clean)))

    def _letters(self, text: str) -> str:
        for trait, table in (("precomposed", _PRECOMPOSED), ("split vowels", _SPLIT)):
            if trait in self.traits:
                for composed, other in table.items():
                    text = text.replace(composed, other)
        return text

    def _entities(self, html: str) -> str:
        if "joiner entities" in self.traits:
            return html.replace(ZWJ, "&zwj;").replace(ZWNJ, "&zwnj;")
        return html

    def _spaces(self, html: str) -> str:
        """Strange white space, and invisible characters where words part, never beside a virama."""
        fillings = []
        if "nbsp" in self.traits:
            fillings.append((7, "&nbsp;"))
            fillings.append((11, "\u00a0"))
        if "loose spaces" in self.traits:
            fillings.append((5, "\n                 "))
            fillings.append((6, "  "))
        if "zero width" in self.traits:
            fillings += [(4, " \u200b"), (9, "\ufeff "), (13, f" {ZWJ}"), (15, f" {ZWNJ}"), (17, "\u00ad ")]
        if "control" in self.traits:
            fillings += [(8, " &#1;"), (12, "\x02 ")]
        if not fillings:
            return html
        ticks = count(1)
        return re.sub(r"(?<=[^\s<>]) (?=[^\s<>])", lambda match: self._filling(next(ticks), match, fillings), html)

    @staticmethod
    def _filling(tick: int, match: re.Match[str], fillings: list[tuple[int, str]]) -> str:
        if match.string[match.start() - 1] == VIRAMA:
            return match[0]
        return next((filling for period, filling in fillings if tick % period == 0), match[0])


def _obfuscated(address: str) -> str:
    """An e-mail address as the network in front of the site hides it from harvesters; browsers show it all the same."""
    key = sum(address.encode()) % 255 + 1
    code = bytes([key, *(byte ^ key for byte in address.encode())]).hex()
    return (
        f'<a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="{code}">[email&#160;protected]</a>'
    )
