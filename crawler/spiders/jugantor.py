"""Jugantor (যুগান্তর), Dhaka, www.jugantor.com, on a Laravel system with routes below `/ajax/load/`.

A story of the print edition has midnight of the day of the paper as its date; the time of its last change is in
JSON-LD. Sections of the print edition begin with `tp-`. Reliability of these facts (A to C, see `crawler.cms`): URLs,
article and print sections A, sitemap B.
"""

import re
from zoneinfo import ZoneInfo

from crawler.cms import laravel_ajax

_SECTIONS = (
    "todays-paper national politics economics international sports entertainment country-news job-seek tp-firstpage"
    " tp-lastpage tp-city tp-sports tp-anando-nagar tp-news tp-second-edition tp-ten-horizon tp-bangla-face"
    " tp-editorial tp-ub-editorial tp-suranjona tp-letter"
)


class Jugantor(laravel_ajax.LaravelAjax):
    name = "jugantor"
    title = "যুগান্তর"
    hosts = ("www.jugantor.com", "jugantor.com")
    zone = ZoneInfo("Asia/Dhaka")
    verified = "article and print section (Aug 2026)"
    story_path = re.compile(r"\A/(?P<section>[a-z][\w-]*+)/(?P<id>[0-9]++)(?:/[^/]*+)?")
    other_kinds = frozenset(
        ("ajax", "author", "topic", "tag", "photos")
        + ("videos", "archive", "search", "location", "news-issue", "events")
    )
    examples = ("https://www.jugantor.com/tp-firstpage/1138370", "https://www.jugantor.com/national/1143897")
    entry_points = laravel_ajax.entry_points(_SECTIONS, disallowed="robots.txt: Disallow /ajax/* (read in Aug 2026)")
