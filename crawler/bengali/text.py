"""Text in Bengali script: normalisation, keys for comparison, words, digits and language.

Text is normalised to NFC. In NFC, য়, ড় and ঢ় are two code points each, a letter followed by a nukta (a dot below),
because Unicode excludes their single code points from composition. Apply :func:`search_key` to names and labels before
searching for them.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

import regex

from crawler.bengali.joiners import JOINERS, NUKTA, VIRAMA, has_joiner, needs_repair, repair

# Characters without meaning in a stored line: controls that are not spaces, soft hyphens, zero-width spaces, byte-order
# marks, direction marks, annotations, tags (a flag spelled with them becomes a plain flag), noncharacters and lone
# surrogates, which no file can hold. Format characters with a visible sign (such as the Arabic ۝) and U+FFFD, which
# marks damage, stay.
_INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f]"
)
# Real letters have fewer marks than this. NFC sorts a run of marks in quadratic time, so longer runs are cut.
LONG_MARK_RUN = regex.compile(r"(\p{M}{32})\p{M}+")
# Spellings that look the same, but that NFC does not unify.
_RESPELLED = (
    ("অ\u09be", "আ"),  # the vowel typed as অ and a sign
    ("ব" + NUKTA, "র"),  # a dotted ব: no Bengali word has it, and it looks like র
    ("ত" + VIRAMA + "\u200d", "ৎ"),  # the coding of ৎ before Unicode 4.1
)
# Text that consists of common characters is already normal, apart from the sequences that `_is_clean` looks for. Most
# text is of this kind, and these checks are far faster than NFC and patterns for all scripts.
_UNCOMMON = re.compile(f"[^ -~\u0980-\u09db\u09e0-\u09e3\u09e6-\u09fd\u0964\u0965‘’“”–—…{JOINERS}]")
_COMMON = "".join(sign for sign in map(chr, range(0x20, 0xA00)) if not _UNCOMMON.match(sign))


def clean(text: str | None) -> str | None:
    """Normalise a line or paragraph for storage, to NFC with single spaces; return None if nothing is left.

    Letters that look the same get the same code points. A single joiner (ZWNJ or ZWJ) is kept beside a virama and
    inside an emoji sequence. Quotes, dashes, digits and words are never changed. The function is idempotent.
    """
    if not text:
        return None
    text = _decompose_letters(text)
    if _is_clean(text):
        return text
    # Removing a joiner can bring together characters that compose, so this is repeated until nothing changes.
    while (rewritten := _rewrite(text)) != text:
        text = rewritten
    return text or None


def compile_nfc(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a regular expression whose pattern is first normalised to NFC, like the text to be searched.

    Otherwise a letter such as য়, which is two code points in NFC, would not match.
    """
    return re.compile(unicodedata.normalize("NFC", pattern), flags)


def _decompose_letters(text: str) -> str:
    # Many pages use the single code points of these letters, but are clean otherwise.
    return text.replace("\u09df", "য" + NUKTA).replace("\u09dc", "ড" + NUKTA).replace("\u09dd", "ঢ" + NUKTA)


def _is_clean(text: str) -> bool:
    return not (
        _UNCOMMON.search(text)
        or text[0] == " "
        or text[-1] == " "
        or "  " in text
        or "\u09c7\u09be" in text
        or "\u09c7\u09d7" in text
        or "অ\u09be" in text
        or needs_repair(text)
    )


def _rewrite(text: str) -> str:
    text = repair(unicodedata.normalize("NFC", LONG_MARK_RUN.sub(r"\1", _INVISIBLE.sub("", text))))
    for typed, letter in _RESPELLED:
        text = text.replace(typed, letter)
    return " ".join(text.split())


def search_key(text: str) -> str:
    """Return a clean text without joiners; apply it to both the text and the names that are searched for in it."""
    text = clean(text) or ""
    return clean(text.replace("\u200c", "").replace("\u200d", "")) or "" if has_joiner(text) else text


@lru_cache(maxsize=2)  # the hash and the MinHash sketch of a body both need it
def compatibility_form(text: str) -> str:
    """Normalise a text for hashing: NFKC, without joiners, and with paragraphs joined by a space.

    ৎ is replaced by ত্, because some pages once wrote ৎ as ত্ and a joiner, and have lost the joiner.
    """
    text = search_key(text.replace("\n\n", " "))
    plain = text.replace("ৎ", "ত" + VIRAMA).replace("…", "...")
    return unicodedata.normalize("NFKC", plain) if _UNCOMMON.search(text) or "ৎ" + NUKTA in text else plain


_QUOTES = re.compile("['\"`´‘’‚‛“”„‟‹›«»′″ʼ]+")
_DASHES = re.compile("[-‐‑‒–—―−]+")
_PUNCTUATION = regex.compile(r" ?(\p{P}) ?")
_COMMON_VARIANTS = (*((sign, "'") for sign in '"`‘’“”'), *((sign, "-") for sign in "–—"), ("৷", "।"))
_COMMON_PUNCTUATION = "".join(regex.findall(r"\p{P}", _COMMON))
_REPEATED = re.compile(r"(['-])\1+")


def comparison_key(text: str) -> str:
    """Return a key for comparing texts; texts with the same words have equal keys.

    Differences of Unicode form, joiners, quotes, dashes, spacing and case are removed. The key is not for display.
    """
    text = compatibility_form(text)
    if _UNCOMMON.search(text):
        text = _DASHES.sub("-", _QUOTES.sub("'", text.replace("৷", "।")))
        text = _PUNCTUATION.sub(r"\1", " ".join(text.split())).casefold()
        return unicodedata.normalize("NFKC", text)
    # Common text gets the same key in a sixth of the time.
    for sign, plain in _COMMON_VARIANTS:
        text = text.replace(sign, plain)
    text = _REPEATED.sub(r"\1", text)
    for sign in filter(text.__contains__, _COMMON_PUNCTUATION):
        text = sign.join(map(str.strip, text.split(sign)))
    return text.casefold()


# Python's \w does not match vowel signs. A word may contain an apostrophe before a letter, and a point or comma between
# digits. The second pattern of each pair is for common text and is three to five times as fast.
_LETTER_RUN = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_WORD = regex.compile(
    rf"[\p{{L}}\p{{M}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}{JOINERS}]*"
    rf"(?:(?:['’](?=\p{{L}})|(?<=\p{{N}})[.,](?=\p{{N}}))[\p{{L}}\p{{M}}\p{{N}}{JOINERS}]*)*"
)
_L, _N, _ALL = ("".join(regex.findall(kind, _COMMON)) for kind in (r"\p{L}", r"\p{N}", r"[\p{L}\p{M}\p{N}]"))
_COMMON_LETTER_RUN = re.compile(f"[{_ALL}]+")
_COMMON_WORD = re.compile(
    f"[{_ALL}][{_ALL}{JOINERS}]*(?:(?:['’](?=[{_L}])|(?<=[{_N}])[.,](?=[{_N}]))[{_ALL}{JOINERS}]*)*"
)


def _is_common(text: str) -> bool:
    return _UNCOMMON.search(text.replace("\n\n", " ")) is None


def words(text: str) -> list[str]:
    """Split a text into words as a Bengali reader counts them.

    দু’একটি, ১,২০০ and ৩.৫ are one word each; two words joined by a hyphen are two.
    """
    return list((_COMMON_WORD if _is_common(text) else _WORD).findall(text))


def count_words(text: str) -> int:
    return len(words(text))


def letter_runs(text: str) -> list[str]:
    """Split a text into runs of letters, marks and numbers.

    All other characters are separators, including joiners (ZWNJ and ZWJ).
    """
    return list((_COMMON_LETTER_RUN if _is_common(text) else _LETTER_RUN).findall(text))


_TO_ASCII = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
_ONE_NUMBER = re.compile(r"\A[^0-9]*+([0-9]{1,3}(?:,[0-9]{2,3}){1,5}|[0-9]{1,18})[^0-9]*+")


def ascii_digits(text: str) -> str:
    """Replace Bengali digits with ASCII digits; the length of the text does not change."""
    return text.translate(_TO_ASCII)


def parse_integer(text: str) -> int | None:
    """Return the whole number in a text such as ``১০``, ``#৩``, ``১ম`` or ``১,২০০``.

    Return None unless the text contains exactly one number. The function is for ranks and counts, so a dash before the
    number is not a minus sign.
    """
    match = _ONE_NUMBER.fullmatch(ascii_digits(text))
    return int(match[1].replace(",", "")) if match else None


_LETTER = regex.compile(r"\p{L}")
_LANGUAGE_BLOCKS = {"bn": regex.compile(r"\p{Block=Bengali}"), "en": regex.compile(r"\p{Script=Latin}")}
_ENGLISH_LETTER = re.compile("[A-Za-z]")


def language_by_script(text: str) -> str | None:
    """Return the language of a text by its script: ``bn``, ``as`` or ``en``, or ``und`` if no script has the majority.

    Return None for a text without letters. ``en`` is also returned for other languages in Latin letters. Bengali and
    Assamese share a script, but Assamese uses ৰ and ৱ instead of র, so the more frequent of these letters decides.
    """
    scripts = Counter[str]()
    if _is_common(text) and sum(map(text.count, "রকনতবসলম")) > len(_ENGLISH_LETTER.findall(text)):
        scripts["bn"] = 1  # frequent Bengali letters outnumber the English ones, and there is no third script
    else:
        for letter in set(_LETTER.findall(text)):
            scripts[_script_language(letter)] += text.count(letter)
    if scripts["bn"] * 2 > scripts.total():
        return "as" if text.count("ৰ") + text.count("ৱ") > text.count("র") else "bn"
    if not scripts:
        return None
    return "en" if scripts["en"] * 2 > scripts.total() else "und"


@lru_cache(maxsize=4096)
def _script_language(letter: str) -> str:
    return next((language for language, block in _LANGUAGE_BLOCKS.items() if block.match(letter)), "und")


# In UTF-8, every Bengali letter is E0 A6 xx or E0 A7 xx. Decoded as Latin-1, this is à¦ or à§ and a third character,
# which may be a control character that is removed by now. The longer alternative is for text wrongly decoded twice.
_MOJIBAKE = re.compile("(?:(?:à[¦§]|Ã[\xa0 ]?Â[¦§])[^à]{0,3}){2}")


def has_mojibake(text: str) -> bool:
    """Return True if a text contains UTF-8 Bengali that was decoded as Latin-1 or Windows-1252 (``à¦¬à¦¾`` for বা)."""
    return ("à" in text or "Ã" in text) and _MOJIBAKE.search(text) is not None
