"""Who a picture is credited to, taken apart from what its caption says."""

import re
from unicodedata import normalize

from crawler.bengali.text import clean, comparison_key


def _compile(pattern: str) -> re.Pattern[str]:
    # The text that a pattern meets is NFC, in which য় is two characters; so must the pattern be.
    return re.compile(normalize("NFC", pattern), re.IGNORECASE)


_GRAPHICS = "গ্রাফিক্স|গ্রাফিকস|গ্রাফিক|ইনফোগ্রাফিক|ইলাস্ট্রেশন|অলংকরণ|কোলাজ"
_PICTURE = rf"(?:ফাইল\s*)?(?:ছবি|আলোকচিত্র|স্ক্রিনশট|{_GRAPHICS}|photo(?:s|graph)?|image|graphics?|illustration)"
_LABEL = (
    rf"{_PICTURE}(?:\s*(?:ও|/|এবং|&)\s*(?:{_PICTURE}|ভিডিও))?(?:\s*(?:সৌজন্যে?|কৃতজ্ঞতা|সূত্র|credits?|by|courtesy))?"
    "|সৌজন্যে"
)
_BEFORE = r"(?:^|[।.?!|(\[])\s*"
_AFTER = r"\s*[)\]]?[\s।.]*$"
# From the plainest to the faintest. A colon is a colon, but ঃ inside a name (মোঃ) is a letter.
_CREDITS = tuple(
    _compile(pattern)
    for pattern in (
        rf"[(\[]\s*(?P<label>{_LABEL})\s*[:ঃ–—/-]\s*(?P<who>[^:।]{{1,80}}?)\s*[)\]][\s।.]*$",
        rf"(?:^|[\s।.?!|–—-])(?P<label>{_LABEL})\s*[:ঃ]\s*(?P<who>[^:।]{{1,80}}?)[\s।.]*$",
        rf"{_BEFORE}(?P<label>{_LABEL})\s*[–—/-]\s*(?P<who>[^:।]{{1,30}}?){_AFTER}",
        # What says without a label that it is a credit: found, from the files, or a graphic of the house.
        rf"{_BEFORE}(?P<label>ছবি\s+)?(?P<who>সংগৃহীত)(?:\s+ছবি)?{_AFTER}",
        rf"{_BEFORE}(?P<label>)(?P<who>(?:ফাইল|পুরোনো|পুরনো|প্রতীকী|প্রতিকী)\s*ছবি){_AFTER}",
        rf"{_BEFORE}(?P<label>)(?P<who>(?:[^\s।]+\s+)?(?:{_GRAPHICS})){_AFTER}",
    )
)
_MAY_BE_CREDIT = _compile(rf"{_PICTURE}|সৌজন্যে|সংগৃহীত")  # there is none without
_CREDIT_FIRST = _compile(rf"\s*(?:{_LABEL})\s*[:ঃ]\s*(?P<who>[^:।]{{1,40}})।\s*(?P<caption>.*\S)\s*")
_BARE_LABEL = _compile(rf"(?:{_LABEL})\s*[:ঃ–—-]\s*|(?:ছবি|(?:ছবির\s+)?ক্যাপশা?ন)\s*[:ঃ–—-]?\s*")
_CAPTION_LABEL = _compile(r"^\s*(?:ছবির\s+)?ক্যাপশা?ন\s*[:ঃ]\s*")
_LONGEST_CREDIT = 120
_LONGEST_CAPTION = 2_000  # the patterns take long over what nobody would print below a picture
_UNSEEN = 10  # so many characters may differ without anybody seeing it
_SHORTEST_TWICE = 8  # দাদা is not দা printed twice
# Whom a line on its own credits beyond doubt. ছবি is also the word for a film, and ছবি : হাওয়া may be a prize.
_SURELY = _compile(
    r"(?:সংগৃহীত|কালবেলা|ইন্টারনেট|ফেসবুক|ফোকাস বাংলা|এএফপি|রয়টার্স|এপি|বাসস|ইউএনবি|পিআইডি|(?:ফাইল|প্রতীকী)\s*ছবি)"
    r"(?![\u0980-\u09ff])"
)


def printed_caption(text: str) -> str | None:
    """A caption as a reader sees it, once and without the word caption; None where that says nothing."""
    printed = _once(clean(_CAPTION_LABEL.sub("", clean(text) or "")) or "")
    return None if _BARE_LABEL.fullmatch(printed) else printed or None


def split_caption(text: str | None, headline: str | None) -> tuple[str | None, str | None]:
    """A caption as printed, as (caption, credit): without its labels, and null where it only repeats the headline."""
    printed = printed_caption(text or "")
    if printed is None:
        return None, None
    caption, credit = _taken_apart(printed)
    if caption and reads_alike(caption, headline or ""):
        return None, clean(credit)
    return clean(caption), clean(credit)


def reads_alike(one: str, other: str) -> bool:
    """Whether a reader takes two lines for the same: quotes, joiners, spaces and a last danda aside."""
    if one == other or abs(len(one) - len(other)) > _UNSEEN:
        return one == other
    return comparison_key(one.rstrip("। ")) == comparison_key(other.rstrip("। "))


def _taken_apart(printed: str) -> tuple[str, str | None]:
    if len(printed) > _LONGEST_CAPTION or not _MAY_BE_CREDIT.search(printed):
        return printed, None
    for pattern in _CREDITS:
        if match := pattern.search(printed):
            start = match.start("label") if match["label"] else match.start("who")
            return printed[:start].rstrip(" |([–—-"), match["who"]
    if match := _CREDIT_FIRST.fullmatch(printed):
        return match["caption"], match["who"]
    return printed, None


def _once(text: str) -> str:
    """A text that is printed twice in one breath, once."""
    half = len(text) // 2
    return text[:half].rstrip() if half >= _SHORTEST_TWICE and text[:half].rstrip() == text[half:].lstrip() else text


def is_picture_credit(text: str, *, below_picture: bool = False) -> bool:
    """Whether a line of a story's text is nothing but the credit of a picture."""
    if len(text) > _LONGEST_CREDIT:
        return False
    caption, credit = _taken_apart(text)
    return credit is not None and not caption and (below_picture or _SURELY.match(credit) is not None)


def has_picture_credit(text: str) -> bool:
    """Whether a line ends in the credit of a picture, as captions do."""
    return _taken_apart(text)[1] is not None
