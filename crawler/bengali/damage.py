"""Detection of text in legacy Bengali font encodings (Bijoy, SutonnyMJ) and of characters that were decoded wrongly.

Characters that could not be decoded are U+FFFD in the text.
"""

import re

import regex

REPLACEMENT = "\ufffd"
# In these fonts the vowel sign আ is a v, the most frequent letter; elsewhere it is a rare one.
_MIN_V_SHARE = 0.06
# Words with a capital or a sign of the font inside; † and ‡ are the vowel sign এ.
_LEGACY_WORD = re.compile(
    "[a-z][A-Z]|[A-Za-z`][†‡ˆ‰Š¨ª©¯¶¸¹º¼½¾¿¤§¦°±²³´µ·«»®^~&ÖÎ¥|]+[A-Za-z]|[A-Za-z][†‡ˆ‰Š¨ª]|[†‡ˆ‰Š¶¯¸¹º¼½¾¿][A-Za-z]"
)
_MIN_LEGACY_SHARE = 0.15  # of the words
_VOWEL_E = re.compile("^†[A-Za-z]|[A-Za-z`]‡[A-Za-z_`]|^‡[A-Za-z]")
_MIN_E_SHARE = 0.3
_LATIN = re.compile("[A-Za-z]")
_MIN_LETTERS = 6
_LETTER = regex.compile(r"\p{L}")


def damaged_letters(text: str) -> int:
    """Return the number of damaged characters in a text.

    These are the letters of paragraphs in a legacy font encoding, and the characters that could not be decoded.
    """
    return text.count(REPLACEMENT) + legacy_letters(text)


def legacy_letters(text: str) -> int:
    return sum(len(_LETTER.findall(line)) for line in text.split("\n\n") if is_legacy(line))


def is_legacy(line: str) -> bool:
    """Return True if a line is Bengali in a legacy font encoding, for example ``evsjv`` for বাংলা."""
    vowels = line.count("v")
    if not vowels and "‡" not in line:
        return False
    letters = len(_LATIN.findall(line))
    if letters < _MIN_LETTERS or letters * 2 < count_letters(line):
        return False
    words = [word for word in line.split() if _LATIN.search(word)]
    with_e = sum(_VOWEL_E.search(word) is not None for word in words)
    legacy = sum(_LEGACY_WORD.search(word) is not None for word in words)
    return (vowels >= _MIN_V_SHARE * letters and legacy > 0 and legacy >= _MIN_LEGACY_SHARE * len(words)) or (
        with_e > 1 and with_e >= _MIN_E_SHARE * len(words)
    )


def count_letters(text: str) -> int:
    return len(_LETTER.findall(text))
