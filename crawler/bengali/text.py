"""What is known of the Bengali script: one coding for what looks the same, words, digits, and whose writing it is.

The canonical form is NFC, in which য়, ড় and ঢ় are a letter and a dot (nukta) below it: Unicode excludes the single code
points from composition. Whatever is compared with such text, a month's name or a label, goes through ``needle`` first.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import regex

_VIRAMA = "\u09cd"
_NUKTA = "\u09bc"
_JOINERS = "\u200c\u200d"  # ZWNJ and ZWJ

# Characters that mean nothing in a stored line: controls that are no space, soft hyphens, zero-width spaces, byte-order
# marks, direction marks, annotations, tags (the flags spelled with them become a plain flag), noncharacters and lone
# surrogates, which no file can hold. Format characters that print a sign (the Arabic ۝, say) and U+FFFD, which shows
# damage, stay.
_JUNK = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f]"
)

# Joiners carry meaning beside a virama (র‍্যাব, উদ্‌যাপন) and inside an emoji made of several; elsewhere they are residue.
_JOINER_RUN = re.compile(f"([{_JOINERS}])[{_JOINERS}]+")
_JOINER = regex.compile(
    r"((?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D(?=\p{Extended_Pictographic}))"
    rf"|(?<!{_VIRAMA})[{_JOINERS}](?!{_VIRAMA})"
)

# No letter has so many marks, and putting very long runs of them in order takes time that grows with their square.
_MARKS = regex.compile(r"(\p{M}{32})\p{M}+")

# NFC leaves these, although a reader sees one and the same letter. Nothing that changes what is seen is done.
_NUKTA_RUN = re.compile(f"{_NUKTA}{{2,}}")
# The dot typed after the vowel sign instead of before it.
_LATE_NUKTA = re.compile(f"([ডঢযব]){_NUKTA}*([\u0981-\u0983\u09be-\u09cc\u09d7]+){_NUKTA}+")
_RESPELLED = (
    ("অ\u09be", "আ"),  # the vowel typed as অ and a sign
    ("ব" + _NUKTA, "র"),  # a dotted ব: no Bengali word has it, and the dot makes it a র to the eye
    ("ত" + _VIRAMA + "\u200d", "ৎ"),  # how ৎ was coded before Unicode 4.1
)

# Text made of these alone, without the sequences that `_is_clean` looks for, is clean already. Most text is, and NFC
# costs far more.
_UNUSUAL = re.compile(f"[^ -~\u0980-\u09db\u09e0-\u09e3\u09e6-\u09fd\u0964\u0965‘’“”–—…{_JOINERS}]")
_NUKTA_ASTRAY = re.compile(f"{_NUKTA}(?<![যডঢ]{_NUKTA})")
_JOINER_ASTRAY = re.compile(f"[{_JOINERS}](?:(?<!{_VIRAMA}.)(?!{_VIRAMA})|[{_JOINERS}]|(?<=ত{_VIRAMA}\u200d))")
# Letters that are one code on many pages, and two in every normal form.
_DOTTED = (("\u09df", "য" + _NUKTA), ("\u09dc", "ড" + _NUKTA), ("\u09dd", "ঢ" + _NUKTA))


def clean(text: str | None) -> str | None:
    """A line or paragraph as it is stored: NFC, one coding per visible letter, single spaces; None if that is nothing.

    Joiners stay beside a virama and inside an emoji, one at a time. Quotes, dashes, digits and words are never touched.
    Cleaning twice changes nothing.
    """
    if not text:
        return None
    text = _spelled_out(text)
    if _is_clean(text):
        return text
    # A dropped joiner can bring together what then composes, and so on: repeated until nothing moves.
    while (rewritten := _rewrite(text)) != text:
        text = rewritten
        if text and _is_clean(text):
            break
    return text or None


def clean_each(texts: Iterable[str]) -> list[str | None]:
    """``clean`` of each text: most often all of them are clean already, which is seen at once."""
    each = [_spelled_out(text) for text in texts]
    together = " ".join(each)
    return [*each] if together and _is_clean(together) else [clean(text) for text in each]


def _spelled_out(text: str) -> str:
    for letter, spelled in _DOTTED:
        text = text.replace(letter, spelled)
    return text


def _is_clean(text: str) -> bool:
    return not (
        _UNUSUAL.search(text)
        or text[0] == " "
        or text[-1] == " "
        or "  " in text
        or "\u09c7\u09be" in text
        or "\u09c7\u09d7" in text
        or "অ\u09be" in text
        or _NUKTA_ASTRAY.search(text)
        or (("\u200d" in text or "\u200c" in text) and _JOINER_ASTRAY.search(text))
    )


def _rewrite(text: str) -> str:
    text = unicodedata.normalize("NFC", _MARKS.sub(r"\1", _JUNK.sub("", text)))
    if "\u200d" in text or "\u200c" in text:
        text = _JOINER.sub(r"\1", _JOINER_RUN.sub(r"\1", text))
    if _NUKTA_ASTRAY.search(text):
        text = _LATE_NUKTA.sub(rf"\1{_NUKTA}\2", _NUKTA_RUN.sub(_NUKTA, text))
    for typed, letter in _RESPELLED:
        text = text.replace(typed, letter)
    return " ".join(text.split())


def needle(text: str) -> str:
    """The form in which names and labels are looked for, on both sides: cleaned, and without any joiner."""
    text = clean(text) or ""
    if "\u200d" in text or "\u200c" in text:
        text = clean(text.replace("\u200c", "").replace("\u200d", "")) or ""
    return text


_QUOTES = re.compile("['\"`´‘’‚‛“”„‟‹›«»′″ʼ]+")
_DASHES = re.compile("[-‐‑‒–—―−]+")
_AROUND_PUNCTUATION = regex.compile(r"\s*(\p{P})\s*")


def comparable(text: str) -> str:
    """The key under which the same words are equal, whatever their form, joiners, quotes, dashes, spacing and case.

    For comparing only: it is not text to show.
    """
    text, is_usual = _compatible(text)
    if is_usual:
        return _joined_up(text).casefold()
    text = _DASHES.sub("-", _QUOTES.sub("'", text.replace("৷", "।")))
    text = " ".join(_AROUND_PUNCTUATION.sub(r"\1", text).split()).casefold()
    return unicodedata.normalize("NFKC", text)


def _joined_up(text: str) -> str:
    """The same of usual text, sign by sign, which is faster than by patterns."""
    for sign, plain in _PLAINER:
        text = text.replace(sign, plain)
    for sign in "'-":
        while (twice := 2 * sign) in text:
            text = text.replace(twice, sign)
    for sign in _USUAL_PUNCTUATION:
        if sign in text:
            text = sign.join([part.strip(" ") for part in text.split(sign)])
    return text


def compatible(text: str) -> str:
    """A needle of a text in which compatible characters are one (NFKC), and a page that lost its joiners is like one
    that has them: ৎ is spelled out, because such a page shows ত্ where ৎ was once coded with a joiner.
    """
    return _compatible(text)[0]


@lru_cache(maxsize=2)  # a body is compared and sketched
def _compatible(text: str) -> tuple[str, bool]:
    # Blank lines part paragraphs, and are the one thing about a clean text that is not usual in a line.
    text = needle(text.replace("\n\n", " "))
    # What is usual has no other form, but for the ellipsis, and normalising costs far more than to see that.
    is_usual = not _UNUSUAL.search(text) and "ৎ" + _NUKTA not in text
    text = text.replace("ৎ", "ত" + _VIRAMA)
    return (text.replace("…", "...") if is_usual else unicodedata.normalize("NFKC", text)), is_usual


# Python's \w stops at vowel signs. An apostrophe before a letter, or a point or comma between digits, stays inside.
_SIGNS = rf"[\p{{L}}\p{{M}}\p{{N}}{_JOINERS}]*"
_WORD = regex.compile(
    rf"[\p{{L}}\p{{M}}\p{{N}}]{_SIGNS}(?:(?:['’](?=\p{{L}})|(?<=\p{{N}})[.,](?=\p{{N}})){_SIGNS})*",
)


# The same of usual text, whose letters, marks and numbers are few: found in a third of the time.
_USUAL = "".join(sign for sign in map(chr, range(0x20, 0xA00)) if not _UNUSUAL.match(sign))
_LETTERS, _NUMBERS, _ALL = ("".join(regex.findall(kind, _USUAL)) for kind in (r"\p{L}", r"\p{N}", r"[\p{L}\p{M}\p{N}]"))
_USUAL_WORD = re.compile(
    f"[{_ALL}][{_ALL}{_JOINERS}]*(?:(?:['’](?=[{_LETTERS}])|(?<=[{_NUMBERS}])[.,](?=[{_NUMBERS}]))[{_ALL}{_JOINERS}]*)*"
)
_USUAL_PART = re.compile(f"[{_ALL}]+")
_PLAINER = (*((sign, "'") for sign in '"`‘’“”'), *((sign, "-") for sign in "–—"), ("৷", "।"))
_USUAL_PUNCTUATION = "".join(regex.findall(r"\p{P}", _USUAL))
_PART = regex.compile(r"[\p{L}\p{M}\p{N}]+")


def _is_usual(text: str) -> bool:
    return _UNUSUAL.search(text.replace("\n\n", " ")) is None


def words(text: str) -> list[str]:
    """The words as a Bengali reader counts them: দু’একটি, ১,২০০ and ৩.৫ are one each, a hyphenated pair is two."""
    found: list[str] = (_USUAL_WORD if _is_usual(text) else _WORD).findall(text)
    return found


def count_words(text: str) -> int:
    """How many ``words`` the text has."""
    return len(words(text))


def parts(text: str) -> list[str]:
    """The runs of letters, marks and numbers: every other sign, a joiner or an apostrophe too, parts them."""
    found: list[str] = (_USUAL_PART if _is_usual(text) else _PART).findall(text)
    return found


_TO_ASCII = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
_ONE_NUMBER = re.compile(r"[^0-9]*([0-9]{1,3}(?:,[0-9]{2,3})+|[0-9]{1,18})[^0-9]*")


def digits(text: str) -> str:
    """The same text, of the same length, with Bengali digits as ASCII digits."""
    return text.translate(_TO_ASCII)


def integer(text: str) -> int | None:
    """The one whole number in a text such as ``১০``, ``#৩``, ``১ম`` or ``১,২০০``; None when there is none, or several.

    For ranks and counts: a dash before it is decoration, not a minus.
    """
    found = _ONE_NUMBER.fullmatch(digits(text))
    return int(found[1].replace(",", "")) if found else None


_LETTER = regex.compile(r"\p{L}")
_BENGALI_LETTER = regex.compile(r"(?V1)[\p{L}&&\p{Block=Bengali}]")
_LATIN_LETTER = regex.compile(r"(?V1)[\p{L}&&\p{Script=Latin}]")
_ENGLISH = re.compile("[A-Za-z]")
_COMMONEST = "রকনতবসলম"


def bengali_share(text: str) -> float:
    """What share of the letters is Bengali, 0.0 to 1.0; vowel signs are not counted, and no letters at all is 0.0."""
    letters = len(_LETTER.findall(text))
    return len(_BENGALI_LETTER.findall(text)) / letters if letters else 0.0


def language(text: str) -> str | None:
    """``bn``, ``as``, ``en``, or ``und`` where no script has the majority; None for a text without letters.

    Judged by script alone, so that other languages in Latin letters are ``en`` too. Assamese has its own letter for
    ra (ৰ) and one for wa (ৱ), and does not use the Bengali র: whichever is more frequent tells.
    """
    if _is_usual(text) and (plain := _usual_language(text)):
        return plain
    scripts = Counter[str]()
    for sign in set(text):  # which are far fewer than its letters
        if script := _script_of(sign):
            scripts[script] += text.count(sign)
    letters = scripts.total()
    if not letters:
        return None
    if scripts["bn"] * 2 > letters:
        return "as" if text.count("ৰ") + text.count("ৱ") > text.count("র") else "bn"
    return "en" if scripts["en"] * 2 > letters else "und"


def _usual_language(text: str) -> str | None:
    """The same of usual text in which Bengali letters are the majority beyond doubt; None where more is to be seen.

    It has no letters but Bengali and English ones, so it does to count the few English ones and the commonest of the
    others.
    """
    english = len(_ENGLISH.findall(text))
    bengali = 0
    for letter in _COMMONEST:
        bengali += text.count(letter)
        if bengali > english:
            return "as" if text.count("ৰ") + text.count("ৱ") > text.count("র") else "bn"
    return None


@lru_cache(maxsize=4096)
def _script_of(sign: str) -> str:
    """Of a letter, which language it speaks for; empty for everything else."""
    if not _LETTER.match(sign):
        return ""
    return "bn" if _BENGALI_LETTER.match(sign) else "en" if _LATIN_LETTER.match(sign) else "und"


# Every letter of the block is E0 A6 xx or E0 A7 xx in UTF-8; read as Latin, that is à¦ or à§ and a third sign, which
# may be a control and so be gone by now. The longer form is the same mistake made twice.
_MOJIBAKE = re.compile("(?:(?:à[¦§]|Ã[\xa0 ]?Â[¦§])[^à]{0,3}){2}")


def looks_mojibake(text: str) -> bool:
    """Whether the text holds UTF-8 Bengali that was read as Latin-1 or Windows-1252 (``à¦¬à¦¾`` for বা)."""
    return ("à" in text or "Ã" in text) and _MOJIBAKE.search(text) is not None
