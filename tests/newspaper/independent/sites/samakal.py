"""Samakal on eMythMakers' Laravel pages: kicker before the headline, pictures by Unix time, a wrong author in JSON-LD.

Facts of `samakal.md`: list page and its labels, frame, Bengali slugs, printed dates and U+FEFF before paragraphs A;
headline, kicker, byline, body, tags, picture and feeds B; সর্বাধিক পঠিত beside a story C. Element order of a story's
page follows a public theme of the same system. Not known and made up here: front page, robots.txt (only editions of
even seed have one), 404 page, number of most-read rows.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, ClassVar

from ...bengali_text import DHAKA
from ..paper import FIRST_DAY, Paper, Reply, View, number
from ..schedule import House
from ..story import Row, Section, Story, Truth

_SECTIONS = (
    Section("bangladesh", "বাংলাদেশ", "national", 5),
    Section("politics", "রাজনীতি", "politics", 3),
    Section("economics", "অর্থনীতি", "national", 2),
    Section("international", "বিশ্ব", "world", 3),
    Section("sports", "খেলা", "sports", 3),
    Section("entertainment", "বিনোদন", "other", 1),
    Section("whole-country", "সারাদেশ", "country", 4),
    Section("capital", "রাজধানী", "capital", 2),
    Section("opinion", "মতামত", "politics", 1),
)
_LOGO = "https://samakal.com/frontend/media/common/logo-fb.png"


class Samakal(Paper):
    name = "samakal"
    title = "সমকাল"
    host = "samakal.com"
    other_hosts = ("www.samakal.com",)
    robots = "User-agent: *\nDisallow: /backoffice/\n\nSitemap: https://samakal.com/news_sitemap.xml\n"
    list_pages: ClassVar = {"latest": ("/latest/news",)}
    story_lists = ("latest/side", "popular")
    feeds = ("/rss", "/news_sitemap.xml", "/sitemap/sitemap-daily-2026-10-04.xml")
    shares: ClassVar = {"no slug": 0.05}
    variations = (
        "kicker above headline",
        "U+FEFF in paragraphs",
        "author in JSON-LD is the headline",
        "ISO dates in JSON-LD",
        "lightbox mark",
        "no slug",
    )
    house = House(
        zone=DHAKA,
        sections=_SECTIONS,
        first_number=377_900,
        numbers_per_day=205,
        bylines=("সমকাল প্রতিবেদক", "সমকাল ডেস্ক", "স্পোর্টস ডেস্ক", "বিশেষ প্রতিনিধি"),
        credits=("ছবি: সংগৃহীত", "ছবি: সমকাল", "ফাইল ছবি"),
        kickers=0.35,
    )

    def __init__(self, seed: int = 1, per_day: int = 60, first_day: date = FIRST_DAY) -> None:
        super().__init__(seed, per_day, first_day)
        if seed % 2:
            self.robots = None

    def path_of(self, story: Story) -> str:
        slug = "" if self.varies(story, "no slug") else f"/{_slug(story.states[0].headline)}"
        return f"/{story.section.path}/article/{story.id}{slug}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/[\w-]+/article/(\d+)(?:/.*)?", path)
        return self.by_id(match[1], view) if match else None

    def side_latest(self, view: View) -> list[Story]:
        return list(view.stories[:8])

    def side_popular(self, view: View) -> list[Story]:
        return view.popular[:5]

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {
            "latest": self.rows(list(view.stories[:20]), at, kickers=True),
            "latest/side": self.rows(self.side_latest(view), at, kickers=True),
            "popular": self.rows(self.side_popular(view), at, kickers=True),
        }

    def image(self, story: Story, size: str = "") -> str:
        picture = story.picture
        if picture is None:
            return _LOGO
        return (
            f"https://samakal.com/media/imgAll/{picture.taken:%Y%B}/{size}"
            f"{picture.name}-{int(picture.taken.timestamp())}.jpg"
        )

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        if name == "":
            return self._listing(view, path, "সমকাল", view.popular[:15], lead=True)
        if name == "latest/news":
            start = 20 * (number(query, "page") - 1)
            return self._listing(view, path, "সর্বশেষ", list(view.stories[start : start + 20]), lead=False)
        if section := self.section(name):
            return self._listing(view, path, section.name, view.of(name)[:15], lead=True)
        if name.startswith("topic/"):
            tag = name.removeprefix("topic/")
            return self._listing(view, path, tag, [s for s in view.stories if tag in s.tags][:20], lead=False)
        if name == "rss":
            return self.rss(view, view.stories[:100], full=True)
        if name == "news_sitemap.xml":
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=False)
        if match := re.fullmatch(r"sitemap/sitemap-daily-(\d{4}-\d\d-\d\d)\.xml", name):
            stories = [story for story in view.stories if f"{story.published:%Y-%m-%d}" == match[1]]
            return self.xml("shared/sitemap.xml", view, stories=stories) if stories else None
        return None

    def _listing(self, view: View, path: str, name: str, stories: list[Story], *, lead: bool) -> Reply:
        heading = f"{name} বিভাগের সকল খবর"
        return self.html(
            "listing.html",
            view,
            heading=heading,
            description=heading,
            keywords=name,
            url=self.site + path,
            image=_LOGO,
            name=name,
            slug=path.strip("/"),
            stories=stories,
            lead=lead and bool(stories),
            label="" if path == "/sports" else "আপডেটঃ ",
            token="0" * 40,
        )

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state = story.at(view.at)
        return self.html(
            "story.html",
            view,
            heading=state.headline,
            description=state.lead[:150],
            keywords=", ".join(story.tags),
            url=self.url_of(story),
            image=self.image(story),
            story=story,
            state=state,
            related=[other for other in view.of(story.section.path)[:5] if other != story][:4],
            shoulder=self.varies(story, "kicker above headline"),
            lightbox=self.varies(story, "lightbox mark"),
            mark="\ufeff" if self.varies(story, "U+FEFF in paragraphs") else "",
            json_ld=self._json_ld(story, view),
        )

    def _json_ld(self, story: Story, view: View) -> dict[str, Any]:
        state = story.at(view.at)
        form = "%Y-%m-%dT%H:%M:%S+06:00" if self.varies(story, "ISO dates in JSON-LD") else "%Y-%m-%d %H:%M:%S"
        wrong = self.varies(story, "author in JSON-LD is the headline")
        return {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "url": self.url_of(story),
            "articleBody": " ".join(block.text for block in state.blocks),
            "articleSection": story.section.name,
            "keywords": ", ".join(story.tags),
            "mainEntityOfPage": {"@type": "WebPage", "name": state.headline, "@id": self.url_of(story)},
            "headline": state.headline,
            "image": {"@type": "ImageObject", "url": self.image(story), "height": 800, "width": 450},
            "datePublished": story.published.strftime(form),
            "dateModified": (state.updated or story.published).strftime(form),
            "author": {"@type": "Person", "name": state.headline if wrong else story.authors[0]},
            "publisher": {"@type": "Organization", "name": "Samakal", "logo": {"@type": "ImageObject", "url": _LOGO}},
            "description": state.lead[:150],
        }

    def truth_of(self, story: Story, at: datetime) -> Truth:
        return replace(self.base_truth(story, at), edition=None)


def _slug(headline: str) -> str:
    """Return the headline as Samakal's slugs write it, cut at sixty characters."""
    return re.sub(r"[\s,‘’“”?/–]+", "-", headline)[:60]
