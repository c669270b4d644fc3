"""Ittefaq (ইত্তেফাক), Dhaka, www.ittefaq.com.bd, on the CMS of jadewits.

The path begins with the id. It has no section; only the breadcrumb of a page names it. No list of the most read stories
was found. Reliability of these facts (A to C, see `crawler.cms`): URLs, body, JSON-LD and the page of the latest
stories A, its rows and the other fields B.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import jadewits

_SECTIONS = (
    "national capital country politics world-news sports entertainment business tech education health social-media"
    " projonmo probash campus literature religion editorial"
)


class Ittefaq(jadewits.Jadewits):
    name = "ittefaq"
    title = "ইত্তেফাক"
    hosts = ("www.ittefaq.com.bd", "ittefaq.com.bd")
    zone = ZoneInfo("Asia/Dhaka")
    verified = "article (Aug 2026, trimmed)"
    story_path = re.compile(r"\A/(?P<id>[0-9]++)(?:/[^/]*+)?")
    examples = ("https://www.ittefaq.com.bd/804943/ব্রাজিল-কিংবদন্তি", "https://www.ittefaq.com.bd/804908/‘এ’-দলে")
    lists = jadewits.latest("/latest-news", 476)
    entry_points = jadewits.entry_points(
        "/latest-news", 476, _SECTIONS, disallowed="robots.txt: Disallow /api/ (read in Aug 2026)"
    )
