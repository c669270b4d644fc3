"""Bangla Tribune (বাংলা ট্রিবিউন), Dhaka, www.banglatribune.com: jadewits; online only.

`/<id>` redirects to the whole path; `/amp/c/<id>/` is the AMP twin; stories of 2016 have no section. Facts: URLs A,
article and rows B; the JSON of the widget is not requested where robots.txt forbids it, as on the sister sites; a
most-read list was not found (facts/newspapers/banglatribune.md).
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import jadewits

_SECTIONS = (
    "national politics law-and-crime country foreign exclusive business entertainment sport tech-and-gadget educations"
    " health lifestyle literature columns journey my-campus jobs"
)


class BanglaTribune(jadewits.Jadewits):
    name = "banglatribune"
    title = "বাংলা ট্রিবিউন"
    hosts = ("www.banglatribune.com", "banglatribune.com")
    zone = ZoneInfo("Asia/Dhaka")
    story_path = re.compile(
        r"\A(?:/c(?=/))?(?:/(?P<section>[a-z][\w-]*+(?:/[a-z][\w-]*+)*+))?/(?P<id>[0-9]++)(?:/[^/]*+)?"
    )
    other_kinds = frozenset(("archive", "topic", "author", "video", "photo", "search"))
    examples = ("https://www.banglatribune.com/country/rajshahi/961628/শিরোনাম", "https://www.banglatribune.com/708062")
    lists = jadewits.latest(10950)
    entry_points = jadewits.entry_points("/আজকের-খবর", 10950, _SECTIONS)
