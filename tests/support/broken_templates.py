"""Changes of the templates of the bundled newspaper after which the first extractor of a field finds nothing."""

import re
from collections.abc import Callable
from typing import NamedTuple


class Change(NamedTuple):
    """A pattern in the HTML of a story, its replacement, and the other fields that lose an extractor by it."""

    pattern: str
    replacement: str
    also: tuple[str, ...] = ()


_NAME = Change(r'class="rpt_name', 'class="author-name', ("byline", "authors"))
_LABELS = Change(r"(?:প্রকাশ|আপডেট) : ", "", ("published_at", "updated_at"))

#: By column, in the layout `kalbela-2023`.
FIRST_EXTRACTOR = {
    "headline": Change(r'class="details-title', 'class="story-title'),
    "kicker": Change(r"<(/?)h5>", r"<\1h4>"),
    "byline": _NAME,
    "authors": _NAME,
    "published_at": _LABELS,
    "updated_at": _LABELS,
    "edition": Change(r'class="edition"', 'class="print-or-online"'),
    "image_url": Change(r"dtl_img_section", "story-picture", ("image_caption",)),
    "image_caption": Change(r"dtl_img_caption", "below-picture"),
    "body": Change(r"dtl_content_section", "story-text"),
    "tags": Change(r'id="tags_list"', 'id="story-tags"'),
}


def breaking(field: str) -> Callable[[str], str]:
    """Return a function that breaks one field of a page."""
    change = FIRST_EXTRACTOR[field]
    return lambda page: re.sub(change.pattern, change.replacement, page)


def break_all(page: str) -> str:
    for field in FIRST_EXTRACTOR:
        page = breaking(field)(page)
    return page
