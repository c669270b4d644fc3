"""Captions of pictures, and the credits in them."""

import re
from collections.abc import Sequence

from selectolax.lexbor import LexborNode

from crawler.bengali.text import clean, comparison_key, compile_nfc
from crawler.parsing.page import Article
from crawler.parsing.selectors import self_and_ancestors
from crawler.urls.normal_form import file_name

_GRAPHICS = "গ্রাফিক্স|গ্রাফিকস|গ্রাফিক|ইনফোগ্রাফিক|ইলাস্ট্রেশন|অলংকরণ|কোলাজ"
_PICTURE = rf"(?:ফাইল\s*)?(?:ছবি|আলোকচিত্র|স্ক্রিনশট|{_GRAPHICS}|photo(?:s|graph)?|image|graphics?|illustration)"
_LABEL = (
    rf"{_PICTURE}(?:\s*(?:ও|/|এবং|&)\s*(?:{_PICTURE}|ভিডিও))?(?:\s*(?:সৌজন্যে?|কৃতজ্ঞতা|সূত্র|credits?|by|courtesy))?"
    "|সৌজন্যে"
)
_BEFORE = r"(?:^|[।.?!|(\[])\s*+"
_AFTER = r"\s*+[)\]]?+[\s।.]*+$"


def _who(length: int) -> str:
    # Starting at a letter keeps the time linear; a label without a name still has its (empty) group.
    return rf"(?P<who>[^\s:।][^:।]{{0,{length - 1}}}?|(?<=\s))"


# Ordered from most to least explicit. The sign ঃ is used as a colon, but inside a name (মোঃ) it is a letter.
_CREDITS = tuple(
    compile_nfc(pattern, re.IGNORECASE)
    for pattern in (
        rf"[(\[]\s*+(?P<label>{_LABEL})\s*+[:ঃ–—/-]\s*+{_who(80)}\s*+[)\]][\s।.]*+$",
        rf"(?:^|[\s।.?!|–—-])(?P<label>{_LABEL})\s*+[:ঃ]\s*+{_who(80)}[\s।.]*+$",
        rf"{_BEFORE}(?P<label>{_LABEL})\s*+[–—/-]\s*+{_who(30)}{_AFTER}",
        rf"{_BEFORE}[–—-]\s*+(?P<label>{_LABEL})\s++{_who(30)}{_AFTER}",
        # Credits without a label: collected, file photo, own photo (চিত্র in Kolkata), or a graphic.
        rf"{_BEFORE}(?P<label>ছবি\s+)?(?P<who>সংগৃহীত)(?:\s+ছবি)?{_AFTER}",
        rf"{_BEFORE}(?P<label>)(?P<who>(?:ফাইল|পুরোনো|পুরনো|প্রতীকী|প্রতিকী|নিজস্ব)\s*(?:ছবি|চিত্র)){_AFTER}",
        rf"{_BEFORE}(?P<label>)(?P<who>(?:[^\s।]{{1,60}}+\s++)?(?:{_GRAPHICS})){_AFTER}",
    )
)
_CREDIT_WORD = compile_nfc(rf"{_PICTURE}|চিত্র|সৌজন্যে|সংগৃহীত", re.IGNORECASE)  # every credit has one of these
_CREDIT_FIRST = compile_nfc(rf"\A\s*+(?:{_LABEL})\s*+[:ঃ]\s*+{_who(40)}।\s*+(?P<caption>.*\S)\s*+", re.IGNORECASE)
_BARE_LABEL = compile_nfc(rf"\A(?:(?:{_LABEL})\s*+[:ঃ–—-]|(?:ছবি|(?:ছবির\s++)?ক্যাপশা?ন)\s*+[:ঃ–—-]?+)\s*+", re.IGNORECASE)
_CAPTION_LABEL = compile_nfc(r"^\s*(?:ছবির\s+)?ক্যাপশা?ন\s*[:ঃ]\s*", re.IGNORECASE)
# A note on the picture's age is not a credit; it stays in the caption, without the label of a credit.
_FILE_NOTE = compile_nfc(r"(?:ফাইল|পুরোনো|পুরনো|পুরানো)\s*(?:ছবি|ফটো|চিত্র)|file\s+(?:photo|image|picture)", re.IGNORECASE)
_NOTE_LABEL = compile_nfc(rf"(?:{_LABEL})\s*[:ঃ–—/-]\s*(?=(?:{_FILE_NOTE.pattern})\W*$)", re.IGNORECASE)
_MAX_CREDIT_LENGTH = 120
_MAX_CAPTION_LENGTH = 2_000  # the patterns are slow on longer text
_MAX_INVISIBLE = 10  # characters by which two lines that look alike may differ in length
_MIN_REPEATED_LENGTH = 8  # দাদা is not দা printed twice
# Names that make a line a credit without a picture above it. ছবি also means film: ছবি : হাওয়া may be the name of one.
_CERTAIN_CREDIT = compile_nfc(
    r"(?:সংগৃহীত|কালবেলা|ইন্টারনেট|ফেসবুক|ফোকাস বাংলা|এএফপি|রয়টার্স|এপি|বাসস|ইউএনবি|পিআইডি|(?:ফাইল|প্রতীকী)\s*ছবি)"
    r"(?![\u0980-\u09ff])",
    re.IGNORECASE,
)


def outside_lead_picture(article: Article, bodies: Sequence[LexborNode], image_url: str | None) -> frozenset[int]:
    """Return the ids (`mem_id`) of the elements in which the lead picture's caption is not searched.

    These are figures of other pictures, and the ``bodies`` if the lead picture is outside. If no figure shows the lead
    picture, because a page declares it under another name, these are the figures after the first paragraph.
    """
    lead = file_name(image_url or "")

    def has_lead(node: LexborNode) -> bool:
        values = (value or "" for image in node.css("img") for value in image.attributes.values())
        return lead != "" and any(file_name(value) == lead for value in values)

    figures = article.css("figure")
    others = [figure for figure in figures if not has_lead(figure)]
    if lead and len(others) == len(figures):
        others = _after_first_paragraph(article, bodies) if figures else []
    hidden = others if any(map(has_lead, bodies)) else [*others, *bodies]
    return frozenset(node.mem_id for node in hidden)


def _after_first_paragraph(article: Article, bodies: Sequence[LexborNode]) -> list[LexborNode]:
    inside = {node.mem_id for node in bodies}
    figures: list[LexborNode] = []
    is_passed = False
    for node in article.root.css("figure, p"):
        if node.tag == "figure" and is_passed:
            figures.append(node)
        elif node.tag == "p" and not is_passed:
            above = [*self_and_ancestors(node)]
            is_passed = any(each.mem_id in inside for each in above) and all(each.tag != "figure" for each in above)
    return figures


def clean_caption(text: str) -> str | None:
    """Return a caption without repetitions and without the label "caption"; return None if only labels are left."""
    printed = _once(clean(_CAPTION_LABEL.sub("", clean(text) or "")) or "")
    return None if _BARE_LABEL.fullmatch(printed) else printed or None


def split_caption(text: str | None, headline: str | None) -> tuple[str | None, str | None]:
    """Split a printed caption into (caption, credit), both without labels such as "photo:".

    Each is None if it is absent. The caption is also None if it only repeats the headline.
    """
    printed = clean_caption(text or "") or ""
    caption, credit = _split(printed)
    if credit is not None and _FILE_NOTE.fullmatch(credit):
        caption, credit = _NOTE_LABEL.sub("", printed), None
    repeats_headline = caption != "" and reads_alike(caption, headline or "")
    return None if repeats_headline else clean(caption), clean(credit)


def credit_name(text: str) -> str | None:
    """Return a picture credit that is printed by itself, without labels such as "photo:"."""
    printed = clean(text) or ""
    return clean(_split(printed)[1]) or (None if _BARE_LABEL.fullmatch(printed) else printed or None)


def reads_alike(one: str, other: str) -> bool:
    """Return True if two lines are equal, apart from quotes, joiners, spaces and a final danda (Bengali full stop)."""
    return one == other or (
        abs(len(one) - len(other)) <= _MAX_INVISIBLE
        and comparison_key(one.rstrip("। ")) == comparison_key(other.rstrip("। "))
    )


def _split(printed: str) -> tuple[str, str | None]:
    if len(printed) > _MAX_CAPTION_LENGTH or not _CREDIT_WORD.search(printed):
        return printed, None
    for pattern in _CREDITS:
        if match := pattern.search(printed):
            start = match.start("label") if match["label"] else match.start("who")
            return printed[:start].rstrip(" |([–—-"), match["who"]
    if match := _CREDIT_FIRST.fullmatch(printed):
        return match["caption"], match["who"]
    return printed, None


def _once(text: str) -> str:
    half = len(text) // 2  # some captions are printed twice in a row
    line = text[:half].rstrip()
    return line if half >= _MIN_REPEATED_LENGTH and line == text[half:].lstrip() else text


def is_picture_credit(text: str) -> bool:
    """Return True if a line is clearly nothing but a picture credit, even if there is no picture above it."""
    caption, credit = _split(text) if len(text) <= _MAX_CREDIT_LENGTH else (text, None)
    return bool(credit and not caption and _CERTAIN_CREDIT.match(credit))


def has_picture_credit(text: str) -> bool:
    """Return True if a line ends with a picture credit, as captions do."""
    return _split(text)[1] is not None
