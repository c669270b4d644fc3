"""Dhaka Post on Next.js: utility classes, embedded data, and a hidden trap link for crawlers on every page.

Facts of `dhakapost.md`: list pages, latest box, embedded data and trap A; latest page and its dates C; headline, body
class, time, feed and news sitemap B. Byline, kicker, caption and desk initials of a story's page are not known and
made up here; so is robots.txt, which editions of even seed have and others lack.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, ClassVar

from ...bengali_text import DHAKA
from ...vocabulary import WORDS
from ..paper import FIRST_DAY, Paper, Reply, View, minute
from ..schedule import House
from ..story import Row, Section, Story, Truth
from ..wording import clock24, day_month_year

_SECTIONS = (
    Section("national", "জাতীয়", "national", 5, 1),
    Section("politics", "রাজনীতি", "politics", 3, 2),
    Section("economy", "অর্থনীতি", "national", 2, 3),
    Section("international", "আন্তর্জাতিক", "world", 3, 4),
    Section("country", "সারাদেশ", "country", 5, 5),
    Section("sports", "খেলা", "sports", 3, 6),
    Section("entertainment", "বিনোদন", "other", 1, 7),
    Section("jobs-career", "জবস", "other", 1, 8),
    Section("opinion", "মতামত", "politics", 1, 16),
)
_BUILD = "52da4a4a717efc2a7683b9db3d6059f53b32d6d2"


class DhakaPost(Paper):
    name = "dhakapost"
    title = "ঢাকা পোস্ট"
    host = "www.dhakapost.com"
    other_hosts = ("dhakapost.com",)
    robots = "User-agent: *\nAllow: /\nDisallow: /cdn-cgi/\n\nSitemap: https://www.dhakapost.com/sitemap.xml\n"
    list_pages: ClassVar = {
        "latest": ("/latest-news",),
        "latest/box": ("/", "/national", "/opinion"),
        "popular": ("/popular-bangla-news",),
    }
    story_lists = ("latest/box",)
    feeds = ("/rss/rss.xml", "/sitemaps/news-sitemap.xml", "/sitemap.xml", "/national/sitemaps.xml")
    variations = ("time has datetime", "no published meta", "no JSON-LD", "second body class", "byline as writer")
    house = House(
        zone=DHAKA,
        sections=_SECTIONS,
        first_number=486_600,
        numbers_per_day=244,
        bylines=("নিজস্ব প্রতিবেদক", "ঢাকা পোস্ট ডেস্ক", "আন্তর্জাতিক ডেস্ক", "স্পোর্টস ডেস্ক"),
        credits=("ছবি : সংগৃহীত", "ছবি : ঢাকা পোস্ট", "ছবি : বাসস"),
        signoffs=("এমএ", "এসএসএইচ", "আরএআর", "এমজে", "কেএ"),
    )

    def __init__(self, seed: int = 1, per_day: int = 60, first_day: date = FIRST_DAY) -> None:
        super().__init__(seed, per_day, first_day)
        if seed % 2:
            self.robots = None

    def path_of(self, story: Story) -> str:
        return f"/{story.section.path}/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/([a-z-]+)/(\d+)/?", path)
        story = self.by_id(match[2], view) if match else None
        return story if story and match and story.section.path == match[1] else None

    def box(self, view: View) -> list[Story]:
        return list(view.stories[:5])

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {
            "latest": self.rows(list(view.stories[:12]), at, kickers=True),
            "latest/box": self.rows(self.box(view), at),
            "popular": self.rows(view.popular[:12], at, kickers=True),
        }

    def image(self, story: Story) -> str:
        if story.picture is None:
            return "https://cdn.dhakapost.com/media/common/default.jpg"
        taken = story.picture.taken
        return (
            f"https://assets.dhakapost.com/media/imgAll/BG/{taken:%Y%B}/{story.picture.name}-{taken:%Y%m%d%H%M%S}.jpg"
        )

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        if name == "":
            return self._made("front.html", view, path, "ঢাকা পোস্ট | Dhaka Post", stories=view.stories[:9])
        if name == "cdn-cgi/content":
            return self.html("maze.html", view, key=query.get("id", "")[:40])
        if name in ("latest-news", "popular-bangla-news"):
            stories = list(view.stories[:12]) if name == "latest-news" else view.popular[:12]
            heading = "সর্বশেষ খবর" if name == "latest-news" else "জনপ্রিয় খবর"
            return self._listing(view, path, heading, stories, timed=name == "latest-news")
        if section := self.section(name):
            return self._listing(view, path, section.name, view.of(name)[:11], section=section)
        if name.startswith("topic/"):
            tag = name.removeprefix("topic/")
            return self._listing(view, path, tag, [story for story in view.stories if tag in story.tags][:11])
        return self._machine(name, view)

    def _machine(self, name: str, view: View) -> Reply | None:
        if name == "rss/rss.xml":
            return self.rss(view, view.stories[:50], full=True)
        if name == "sitemaps/news-sitemap.xml":
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=False)
        if name == "sitemap.xml":
            paths = [f"/{section.path}/sitemaps.xml" for section in self.house.sections]
            return self.xml("shared/sitemap_index.xml", view, paths=paths)
        if name.endswith("/sitemaps.xml") and (section := self.section(name.partition("/")[0])):
            return self.xml("shared/sitemap.xml", view, stories=view.of(section.path)[:200])
        return None

    def _made(self, template: str, view: View, path: str, heading: str, **values: Any) -> Reply:
        stamp = f"{view.at.timestamp():.7f}-1.0.1.1"
        trap = f"{hashlib.md5(f'{self.seed}{path}'.encode()).hexdigest()}-{stamp}"
        own = {"build": _BUILD, "url": self.site + path, "trap": trap, "data": ""}
        return self.html(template, view, **(own | {"heading": heading} | values))

    def _listing(
        self,
        view: View,
        path: str,
        name: str,
        stories: list[Story],
        *,
        section: Section | None = None,
        timed: bool = False,
    ) -> Reply:
        contents = [self._embedded(story, view) for story in stories]
        data = {
            "initialContents": contents,
            "category": None,
            "trendings": [{"name": "জনপ্রিয়", "link": "/popular-bangla-news"}],
        }
        if section:
            data["category"] = {
                "Id": section.number,
                "Name": section.name,
                "Slug": section.path,
                "URL": self.site + path,
            }
        flight = f'24:["$","$L2c",null,{json.dumps(data, ensure_ascii=False)}]\n'
        return self._made(
            "listing.html",
            view,
            path,
            f"{name} | ঢাকা পোস্ট",
            name=name,
            section=section,
            stories=stories,
            timed=timed,
            box=not timed,
            topics=WORDS["tags"][:4],
            data=flight,
        )

    def _embedded(self, story: Story, view: View) -> dict[str, Any]:
        state, image = story.at(view.at), self.image(story)
        return {
            "Id": story.number,
            "Heading": state.headline,
            "Subheading": story.kicker or "",
            "HasVideo": None,
            "VideoId": None,
            "ImagePathSm": f"{image}?width=330&height=186",
            "ImagePathMd": f"{image}?width=560&height=315",
            "ImagePathXs": f"{image}?width=160&height=90",
            "Brief": f"{state.lead[:150]}...",
            "URL": self.url_of(story),
            "Type": 1,
            "CreatedAtBangla": f"{day_month_year(story.published)}, {clock24(story.published)}",
        }

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state, rng = story.at(view.at), story.rng("page")
        others = view.sample(story, rng.choice((0, 2, 3)))
        return self._made(
            "story.html",
            view,
            self.path_of(story),
            state.headline,
            story=story,
            state=state,
            others=others,
            related=[other for other in view.of(story.section.path)[:7] if other != story][:6],
            datetime_attribute=self.varies(story, "time has datetime"),
            published_meta=not self.varies(story, "no published meta"),
            byline_class="writer-info" if self.varies(story, "byline as writer") else "author-name",
            body_class="news-details-body text-xl"
            if self.varies(story, "second body class")
            else "news-details text-xl",
            json_ld=None if self.varies(story, "no JSON-LD") else self._json_ld(story, view),
        )

    def _json_ld(self, story: Story, view: View) -> dict[str, Any]:
        state = story.at(view.at)
        return {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": state.headline,
            "datePublished": story.published.isoformat(timespec="seconds"),
            "dateModified": (state.updated or story.published).isoformat(timespec="seconds"),
            "image": [f"{self.image(story)}?width=1200&height=675"] if story.picture else [],
            "author": [{"@type": "Person", "name": name} for name in story.authors],
        }

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth = self.base_truth(story, at)
        meta, data = not self.varies(story, "no published meta"), not self.varies(story, "no JSON-LD")
        exact = meta or data or self.varies(story, "time has datetime")
        return replace(
            truth,
            published_at=story.published if exact else minute(story.published),
            precision="second" if exact else "minute",
            updated_at=truth.updated_at if meta or data else None,
            edition=None,
            optional=frozenset({story.signoff or ""}),
        )
