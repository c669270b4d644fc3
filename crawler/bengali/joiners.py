"""Repair of joiners (ZWNJ, ZWJ) and nuktas (dots below a letter), so that equal words have equal code points.

These marks may be invisible or in the wrong place. A joiner has a meaning beside a virama (র‍্যাব, উদ্‌যাপন) and inside
an emoji sequence. Elsewhere it is left over from typing or conversion.
"""

import re

import regex

VIRAMA = "\u09cd"
NUKTA = "\u09bc"
JOINERS = "\u200c\u200d"  # ZWNJ and ZWJ

_JOINER_RUN = re.compile(f"([{JOINERS}])[{JOINERS}]+")
_STRAY_JOINER = regex.compile(
    r"((?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D(?=\p{Extended_Pictographic}))"
    rf"|(?<!{VIRAMA})[{JOINERS}](?!{VIRAMA})"
)
_SUSPECT_JOINER = re.compile(f"[{JOINERS}](?:(?<!{VIRAMA}.)(?!{VIRAMA})|[{JOINERS}]|(?<=ত{VIRAMA}\u200d))")
_SUSPECT_NUKTA = re.compile(f"{NUKTA}(?<![যডঢ]{NUKTA})")
_NUKTA_RUN = re.compile(f"{NUKTA}{{2,}}")
# A nukta (dot) typed after the vowel sign instead of before it.
_LATE_NUKTA = re.compile(f"([ডঢযব]){NUKTA}*([\u0981-\u0983\u09be-\u09cc\u09d7]+){NUKTA}+")


def has_joiner(text: str) -> bool:
    # Much faster than a pattern.
    return "\u200d" in text or "\u200c" in text


def needs_repair(text: str) -> bool:
    """Return True if a text may contain a joiner or nukta that :func:`repair` would move or remove."""
    return bool(_SUSPECT_NUKTA.search(text) or (has_joiner(text) and _SUSPECT_JOINER.search(text)))


def repair(text: str) -> str:
    """Return a text without stray joiners, and with each nukta directly after its letter.

    Of several joiners in a row, only the first is kept.
    """
    if has_joiner(text):
        text = _STRAY_JOINER.sub(r"\1", _JOINER_RUN.sub(r"\1", text))
    if _SUSPECT_NUKTA.search(text):
        text = _LATE_NUKTA.sub(rf"\1{NUKTA}\2", _NUKTA_RUN.sub(NUKTA, text))
    return text
