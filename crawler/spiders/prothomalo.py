"""Prothom Alo (প্রথম আলো), Dhaka, www.prothomalo.com, on the CMS Quintype.

The last segment of the path identifies a story. It was a number before 2020, then 10 characters, and romanised words
since 2026. It is the same in both editions of a story, but the sections before it may differ. Reliability of these
facts (A to C, see `crawler.cms`): URLs, article data, lists and section pages A; byline and time in the HTML B; the
API's collections B, except for `mostread` C.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import quintype

# Sections of ten letters, which look like the slug of a story.
_NO_SLUG = "bangladesh|government|technology|literature|photostory|photo-album|university"
_SLUG = rf"(?!(?:{_NO_SLUG})(?:/|\Z))(?:[a-z0-9]{{10}}|[a-z0-9]++(?:-[a-z0-9]++){{3,}}+)"
_SECTIONS = (
    "bangladesh politics world business opinion sports entertainment lifestyle education technology religion onnoalo"
    " nagorik-sangbad roundtable"
)


class ProthomAlo(quintype.Quintype):
    name = "prothomalo"
    title = "প্রথম আলো"
    hosts = ("www.prothomalo.com", "prothomalo.com", "m.prothomalo.com")
    zone = ZoneInfo("Asia/Dhaka")
    verified = "article, section page and the list `latest` (Aug 2026)"
    story_path = re.compile(
        rf"\A(?:/story(?=/))?/(?!collection/|api/)(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+){{0,2}}?)/(?P<id>{_SLUG})"
    )
    other_kinds = frozenset(
        ("video", "photo", "shorts", "poll", "topic") + ("author", "search", "ampstories", "chakri")
    )
    examples = (
        "https://www.prothomalo.com/bangladesh/district/j1tt01b5eu",
        "https://www.prothomalo.com/world/middle-east/hrmuj-prnnaali-kheaalaa-naaki-bndh",
    )
    entry_points = quintype.entry_points(_SECTIONS)
