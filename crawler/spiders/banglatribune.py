"""Bangla Tribune (বাংলা ট্রিবিউন), Dhaka, www.banglatribune.com, online only, on the CMS of jadewits.

`/<id>` redirects to the full path. `/amp/c/<id>/` is the AMP version of a story. Stories of 2016 have no section. The
JSON of the widget is not requested, because robots.txt of the sister sites forbids it. No list of the most read stories
was found. Reliability of these facts (A to C, see `crawler.cms`): URLs A, article and rows of lists B.
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
    lists = jadewits.latest("/আজকের-খবর", 10950)
    entry_points = jadewits.entry_points("/আজকের-খবর", 10950, _SECTIONS)
