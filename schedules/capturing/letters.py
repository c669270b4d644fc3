"""Replacement of every letter and digit of a text by another of its class, the same for each word wherever it stands.

A word keeps its length, its joiners, viramas and other marks, the form of its nuktas (one code point or two) and the
pattern of its capitals. Words that the parser knows, and the digits of dates and times, are kept.
"""

import unicodedata
from functools import cache
from random import Random

import regex

from crawler.bengali.date_patterns import MONTHS, UNITS
from crawler.bengali.joiners import JOINERS, NUKTA, VIRAMA
from crawler.bengali.text import ascii_digits, search_key
from schedules.capturing.known_words import KnownWords

_WORD = regex.compile(rf"[\p{{L}}\p{{M}}{JOINERS}]+|\p{{Nd}}+")
#: What is kept inside a text: references to characters, escapes of JSON, and tags whose signs are such references.
_KEPT = regex.compile(r"&lt;/?[A-Za-z][^&<>]{0,200}+&gt;|&#?\w{1,31}+;|\\u[0-9A-Fa-f]{4}|\\.")
_CLASSES = (
    "কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহ",
    "আইঈউঊএঐওঔ",
    "\u09be\u09bf\u09c0\u09c1\u09c2\u09c3",  # apart from those below, since ে and া would become one letter
    "\u09c7\u09c8\u09cb\u09cc",
    "০১২৩৪৫৬৭৮৯",
    "0123456789",
    "abcdefghijklmnopqrstuwxyz",  # without v, the most frequent letter of the old Bengali fonts
)
_DOTTED = "ডঢয"  # before a nukta
_PRECOMPOSED = {"\u09dc": "ড" + NUKTA, "\u09dd": "ঢ" + NUKTA, "\u09df": "য" + NUKTA}
_RUN_LENGTH = 4  # letters in a row of the original that must not be left
_BENGALI_RUN = regex.compile(r"[\u0980-\u09ff]+")
_CLOCK = regex.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]++)?+|\d{1,2}(?:[:.]\d\d){1,2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}")
_WINDOW = 14  # characters around a number, in which the name of a month or a unit makes it a date
_DATE_WORDS = sorted((*MONTHS, *UNITS, "ঘণ্টা", "মিনিট"), key=len, reverse=True)
_DATE_WORD = regex.compile("|".join(map(regex.escape, _DATE_WORDS)))
_MAX_TRIES = 50


class LetterScrambler:
    """Replacement of letters, determined by a seed.

    :param known: words that are kept
    :param original: all text of the page, of which no run of four Bengali letters is left in replaced words
    """

    def __init__(self, seed: str, known: KnownWords, original: str) -> None:
        self._seed, self._known = seed, known
        self._words: dict[str, str] = {}
        text = unicodedata.normalize("NFC", original)
        self._originals = {run for word in _BENGALI_RUN.findall(text) for run in _runs(word)}

    def text(self, text: str, *, latin: bool = True) -> str:
        """Return a text with its words replaced; references to characters and escapes are kept.

        :param latin: also replace Latin letters and digits
        """
        done, pieces = 0, []
        for kept in _KEPT.finditer(text):
            pieces += [self._plain(text[done : kept.start()], latin), kept[0]]
            done = kept.end()
        return "".join([*pieces, self._plain(text[done:], latin)])

    def _plain(self, text: str, latin: bool) -> str:
        if not text:
            return text
        is_number = not regex.search(r"\p{L}", text)
        clocks = [match.span() for match in _CLOCK.finditer(text)] if latin and not is_number else []

        def replace(match: regex.Match[str]) -> str:
            word = match[0]
            if word[0].isdigit():
                return word if is_number or not latin or _is_dated(text, match, clocks) else self._number(word)
            return word if word.isascii() and (not latin or len(word) == 1) else self.word(word)

        return _WORD.sub(replace, text)

    def word(self, word: str) -> str:
        """Return the replacement of a word; equal words in any Unicode form have equal replacements in that form."""
        if word not in self._words:
            normal = unicodedata.normalize("NFC", word)
            key = regex.sub(f"[{JOINERS}]", "", normal)
            self._words[word] = word if search_key(key) in self._known else self._replace(normal, key, word)
        return self._words[word]

    def _replace(self, normal: str, key: str, word: str) -> str:
        for attempt in range(_MAX_TRIES):
            rng = Random(f"{self._seed}:{attempt}:{key.casefold()}")
            letters = iter(_replaced(key, rng))
            result = "".join(sign if sign in JOINERS else next(letters, sign) for sign in normal)
            is_stable = unicodedata.normalize("NFC", result) == result
            if is_stable and self._originals.isdisjoint(_runs(result)):
                break
        if not any(sign in word for sign in _PRECOMPOSED):
            return result
        for single, double in _PRECOMPOSED.items():
            result = result.replace(double, single)
        return result

    def _number(self, digits: str) -> str:
        return "".join(
            _other(digit, Random(f"{self._seed}:{ascii_digits(digits)}:{n}")) for n, digit in enumerate(digits)
        )


def _replaced(key: str, rng: Random) -> str:
    """Return a word without joiners with its letters replaced."""
    letters = []
    for place, letter in enumerate(key):
        following = key[place + 1 : place + 2]
        if following == NUKTA:
            letters.append(rng.choice(_DOTTED.replace(letter, "")) if letter in _DOTTED else letter)
        elif letter == "অ" or key[max(place - 1, 0) : place] == "অ":  # cleaning makes one letter of অ and া
            letters.append(letter)
        else:
            other = _other(letter, rng)
            while other == "ত" and following == VIRAMA:  # with a joiner it would be another letter
                other = _other(letter, rng)
            letters.append(other)
    return "".join(letters)


def _other(letter: str, rng: Random) -> str:
    """Return another letter or digit of the same class, in the same case; marks without a class are kept."""
    if letter == "অ":
        return rng.choice(_CLASSES[1])
    own = _class_of(letter.lower())
    choice = rng.choice([each for each in own if each != letter.lower()] or [letter])
    return choice.upper() if letter != letter.lower() and len(choice.upper()) == 1 else choice


@cache
def _class_of(letter: str) -> str:
    """Return the letters that may replace a letter: of its class, or of its Unicode block and category."""
    if found := next((each for each in _CLASSES if letter in each), ""):
        return found
    category = unicodedata.category(letter)
    if "\u0980" <= letter <= "\u09ff" or category not in ("Ll", "Lo", "Lu", "Nd"):
        return ""
    block = range(ord(letter) & ~0x7F, (ord(letter) | 0x7F) + 1)
    return "".join(
        sign
        for sign in map(chr, block)
        if unicodedata.category(sign) == category
        and unicodedata.normalize("NFC", sign) == sign
        and len(sign.upper()) == 1
    )


def _runs(word: str) -> set[str]:
    return {word[place : place + _RUN_LENGTH] for place in range(len(word) - _RUN_LENGTH + 1)}


def _is_dated(text: str, number: regex.Match[str], clocks: list[tuple[int, int]]) -> bool:
    if any(start <= number.start() < end for start, end in clocks):
        return True
    around = text[max(0, number.start() - _WINDOW) : number.end() + _WINDOW]
    return _DATE_WORD.search(search_key(around).casefold()) is not None
