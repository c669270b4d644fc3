"""Jugantor on the Laravel system: each story twice in its page, lists that only disallowed JSON holds, print stories.

Facts of `jugantor.md`, most of them A (whole pages of August 2026): frame, both copies of a story, print mark and
midnight, time of the request in the print header, section rows, empty tabs, JSON-LD with raw line breaks; JSON keys A
by script, sitemaps B, robots C, tags B. Made up: `/latest` and the front page (rows as on sections), and that feeds
answer 200 with the text of the soft error.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import ClassVar

from ...bengali_text import DHAKA
from ..paper import HTML, JSON, Paper, Reply, View
from ..schedule import House
from ..story import Row, Section, Story, Truth

_HOURS = (16, 4, 4, 2, 1, 1, 3, 6, 8, 9, 10, 10, 9, 9, 9, 10, 10, 11, 11, 10, 9, 8, 6, 4)
_SOFT = re.compile(r"/(?:feed|rss\.xml|feed/rss\.xml|popular|topic/.*)/?")
_PRECOMPOSED = {"\u09af\u09bc": "\u09df", "\u09a1\u09bc": "\u09dc"}


@dataclass(frozen=True)
class PrintingHouse(House):
    def choose_section(self, rng: Random, moment: datetime) -> Section:
        """Return a section of the print edition in the first four hours of a day, else one of the site."""
        printed = moment.hour < 4
        sections = [section for section in self.sections if section.path.startswith("tp-") == printed]
        return rng.choices(sections, [section.weight for section in sections])[0]


class Jugantor(Paper):
    name = "jugantor"
    title = "যুগান্তর"
    host = "www.jugantor.com"
    other_hosts = ("jugantor.com",)
    robots = "User-agent: *\nAllow: /\nDisallow: /ajax/*\n\nSitemap: https://www.jugantor.com/sitemap.xml\n"
    list_pages: ClassVar = {"latest": ("/latest",)}
    copies = 2
    feeds = ("/news_sitemap.xml",)
    shares: ClassVar = {"raw line breaks in JSON-LD": 0.3, "no dateModified": 0.2, "hanger": 0.2}
    variations = (
        "raw line breaks in JSON-LD",
        "no dateModified",
        "byline as link",
        "keywords",
        "precomposed letters",
        "hanger",
    )
    house = PrintingHouse(
        zone=DHAKA,
        sections=(
            Section("national", "জাতীয়", "national", 4, 5),
            Section("politics", "রাজনীতি", "politics", 3, 10),
            Section("economics", "অর্থনীতি", "national", 1, 9),
            Section("international", "আন্তর্জাতিক", "world", 3, 6),
            Section("country-news", "সারাদেশ", "country", 4, 11),
            Section("sports", "খেলা", "sports", 3, 8),
            Section("entertainment", "বিনোদন", "other", 1, 14),
            Section("tp-firstpage", "প্রথম পাতা", "national", 3, 2),
            Section("tp-lastpage", "শেষ পাতা", "politics", 2, 3),
            Section("tp-city", "নগর-মহানগর", "capital", 2, 4),
        ),
        first_number=1_162_200,
        numbers_per_day=440,
        bylines=("যুগান্তর প্রতিবেদন", "যুগান্তর ডেস্ক", "স্পোর্টস ডেস্ক"),
        credits=("ছবি: সংগৃহীত", "-ছবি যুগান্তর"),
        kickers=0.3,
        hours=_HOURS,
    )

    def path_of(self, story: Story) -> str:
        return f"/{story.section.path}/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/([a-z-]+)/(\d+)", path)
        story = self.by_id(match[2], view) if match else None
        return story if story and match and story.section.path == match[1] else None

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {
            "latest": self.rows(list(view.stories[:20]), at, kickers=True),
            "latest/ajax": self.rows(list(view.stories[:10]), at),
            "popular/ajax": self.rows(view.popular[:15], at),
        }

    def image(self, story: Story, size: str = "") -> str:
        if story.picture is None:
            return "https://cdn.jugantor.com/uploads/settings/thumbnail.jpg"
        name = f"{story.picture.name}-{story.number:x}.jpg"
        return f"https://cdn.jugantor.com/assets/news_photos/{story.picture.taken:%Y/%m/%d}/{size}{name}"

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        if name in ("", "latest", "todays-paper"):
            printed = [story for story in view.stories if story.section.path.startswith("tp-")]
            stories = {"": view.popular, "latest": list(view.stories), "todays-paper": printed}[name]
            return self._listing(view, path, "যুগান্তর" if name == "" else "সর্বশেষ খবর", stories[:20])
        if section := self.section(name):
            return self._listing(view, path, section.name, view.of(name)[:10], section.number)
        if name == "sitemap.xml":
            return self.xml("shared/sitemap_index.xml", view, paths=["/news_sitemap.xml", "/sitemap-latest.xml"])
        if name in ("news_sitemap.xml", "sitemap-latest.xml"):
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=False)
        if _SOFT.fullmatch(path):
            return Reply(200, {"Content-Type": HTML}, self.html("missing.html", view).body)
        return self._ajax(path, view)

    def _ajax(self, path: str, view: View) -> Reply | None:
        match = re.fullmatch(r"/ajax/load/(latestnews|popularnews)/(\d{1,3})/.*", path)
        if match is None:
            return None
        stories = list(view.stories) if match[1] == "latestnews" else view.popular
        rows = [
            {"headline": s.at(view.at).headline, "fullheadline": s.at(view.at).headline, "url": self.url_of(s)}
            if match[1] == "latestnews"
            else {"title": s.at(view.at).headline, "link": self.url_of(s)}
            for s in stories[: int(match[2])]
        ]
        return Reply(200, {"Content-Type": JSON}, json.dumps(rows).encode())

    def _listing(self, view: View, path: str, heading: str, stories: list[Story], number: int = 0) -> Reply:
        url = self.site + path.rstrip("/")
        values = {"heading": heading, "url": url, "stories": stories, "number": number, "story_id": None}
        return self.html("listing.html", view, **values)

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state = story.at(view.at)
        hanger = f"{story.section.name} নিয়ে প্রতিক্রিয়া" if self.varies(story, "hanger") else None
        reply = self.html(
            "story.html",
            view,
            heading=state.headline,
            url=self.url_of(story),
            story=story,
            story_id=story.id,
            state=state,
            hanger=hanger,
            published=_dated(story),
            modified=None if self.varies(story, "no dateModified") else state.updated or story.published,
            linked=self.varies(story, "byline as link"),
            keywords=self.varies(story, "keywords"),
            raw_break=self.varies(story, "raw line breaks in JSON-LD"),
        )
        if not self.varies(story, "precomposed letters"):
            return reply
        text = reply.body.decode()
        for composed, other in _PRECOMPOSED.items():
            text = text.replace(composed, other)
        return reply._replace(body=text.encode())

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth, published = self.base_truth(story, at), _dated(story)
        modified = None if self.varies(story, "no dateModified") else truth.updated_at or story.published
        return replace(
            truth,
            published_at=published,
            updated_at=modified if modified != published else None,
            edition="print" if story.section.path.startswith("tp-") else None,
        )


def _dated(story: Story) -> datetime:
    """Return the date that a story bears: midnight for the print edition."""
    printed = story.section.path.startswith("tp-")
    return story.published.replace(hour=0, minute=0, second=0) if printed else story.published
