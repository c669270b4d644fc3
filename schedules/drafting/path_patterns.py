"""Pattern of the paths of stories, from the segments before and after their ids."""

import re
from collections import Counter
from typing import NamedTuple

# Segments that say what a page is, and are no section.
_FIXED = frozenset(
    ("news", "article", "articles", "story", "stories", "details", "detail", "cid", "post", "posts", "id", "read")
    + ("view",)
)
_MANY = 10  # URLs in which a segment that is always the same is not just one section of several
_MIN_SHARE = 0.05
_MIN_SLUGS = 3
_YEAR, _MONTH_OR_DAY = re.compile("(?:19|20)[0-9]{2}"), re.compile("[0-9]{1,2}")
_WORD = re.compile(r"[A-Za-z][\w-]*")


class PathSplit(NamedTuple):
    """A path divided at its id: the segments before it, and the number of segments after it."""

    before: tuple[str, ...]
    ident: str
    after: int


def path_pattern(splits: list[PathSplit], written: str) -> str:
    prefixes = [[*split.before] for split in splits]
    tail = ""
    dates = {_date_length(before) for before in prefixes}
    if dates != {0}:
        shortest, longest = min(dates), max(dates)
        date = "/".join((r"\d{4}", r"\d\d?", r"\d\d?")[:longest]) if shortest == longest else r"\d{4}(?:/\d\d?){1,2}"
        tail = f"/{date}" if shortest else f"(?:/{date})?"
        prefixes = [before[: len(before) - _date_length(before)] for before in prefixes]
    while any(prefixes):
        last = Counter(before[-1] if before else "" for before in prefixes)
        fixed = sorted(word for word in last if word in _FIXED)
        is_one = len(last) == 1 and (tail or len(prefixes) >= _MANY) and all(map(_is_word, last))
        if sum(last[word] for word in fixed) * 2 >= len(prefixes) or is_one:
            words = "|".join(fixed or sorted(map(re.escape, last)))
            part = f"/(?:{words})" if "|" in words else f"/{words}"
            tail = (part if len(last) == len(words.split("|")) else f"(?:{part})?") + tail
            prefixes = [before[:-1] if before and before[-1] in words.split("|") else before for before in prefixes]
            if fixed and len(last) > len(fixed):
                break
            continue
        if len(last) == len(prefixes) > _MIN_SLUGS and sum("-" in word for word in last) * 2 > len(last):
            tail = "/[^/]++" + tail  # a slug
        else:
            break
        prefixes = [before[:-1] for before in prefixes]
    depths = {len(before) for before in prefixes}
    section = ""
    if max(depths):
        word = r"[a-z][\w-]*+" if all(_is_lower(word) for before in prefixes for word in before) else r"[^/0-9][^/]*+"
        section = f"(?P<section>{word}(?:/{word})*?)"
        section = f"/{section}" if min(depths) else f"(?:/{section})?"
    # A suffix of a few URLs only, such as /1, is not part of the form.
    after = max(n for n, count in Counter(split.after for split in splits).items() if count >= _MIN_SHARE * len(splits))
    end = "" if not after else "(?:/[^/]*+)?" if after == 1 else f"(?:/[^/]*+){{0,{after}}}"
    return rf"\A{section}{tail}" + (f"/{written}{end}" if written else end)


def _date_length(before: list[str]) -> int:
    for length in (3, 2):
        date = before[len(before) - length :] if len(before) >= length else []
        if date and _YEAR.fullmatch(date[0]) and all(_MONTH_OR_DAY.fullmatch(each) for each in date[1:]):
            return length
    return 0


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None


def _is_lower(text: str) -> bool:
    return text.isascii() and text[:1].islower() and _is_word(text)


def is_in_date(segments: list[str], place: int) -> bool:
    """Return True if a segment is the year, month or day of a date in the path."""
    year = next((n for n in (place, place - 1, place - 2) if n >= 0 and _YEAR.fullmatch(segments[n])), None)
    if year is None or year + 1 >= len(segments) or not _MONTH_OR_DAY.fullmatch(segments[year + 1]):
        return False
    return place <= year + 1 or (place == year + 2 and _MONTH_OR_DAY.fullmatch(segments[place]) is not None)
