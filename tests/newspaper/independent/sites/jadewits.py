"""Ittefaq on jadewits, and what the sites of that family share.

Facts of `ittefaq.md`, `banglatribune.md` and `families.md`: rows with `data-published`, root, headline, byline,
dates, JSON-LD of three blocks, embeds and lazy pictures A; breadcrumb, tags, highlights, feed and news sitemap B;
caption, groups of a body and the kicker's place C. Ittefaq shows no most-read list.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from ...bengali_text import DHAKA
from ..paper import JSON, Paper, Reply, View, number
from ..schedule import House
from ..story import Row, Section, Story, Truth

ROBOTS = "User-agent: *\nAllow: /\nDisallow: /api/\nDisallow: /login\nDisallow: /register\n"
_ROWS = 20


class Jadewits(Paper):
    templates = "jadewits"
    english: ClassVar[str]
    cdn: ClassVar[str]
    latest_path: ClassVar[str]
    latest_page_id: ClassVar[int]
    latest_widget: ClassVar[int]
    section_widget: ClassVar[int]
    # Does a story's page print its update, and has the front page the two lists?
    shows_update: ClassVar[bool] = False
    front_lists: ClassVar[bool] = False

    feeds = ("/feed/", "/feed/sports", "/news-sitemap.xml")
    shares: ClassVar = {"embedded post": 0.3, "groups in the body": 0.3, "highlights": 0.3, "label of the date": 0.7}
    variations = (
        "first paragraph in strong",
        "embedded post",
        "groups in the body",
        "highlights",
        "label of the date",
        "plain picture",
        "keywords in JSON-LD",
    )

    def slug(self, story: Story) -> str:
        return re.sub(r"[\s,?/“”]+", "-", story.states[0].headline)[: story.rng("slug").choice((38, 60, 200))].strip(
            "-"
        )

    def media(self, story: Story) -> str:
        taken = story.picture.taken if story.picture else story.published
        name = story.picture.name if story.picture else "default"
        return f"media/{taken:%Y/%m/%d}/{name}-{story.number:x}.jpg"

    def image(self, story: Story) -> str:
        return (
            f"{self.cdn}/contents/cache/images/800x450x1/uploads/{self.media(story)}?jadewits_media_id={story.number}"
        )

    def latest(self, view: View) -> list[Story]:
        return list(view.stories[:_ROWS])

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        found = {"latest": self.rows(self.latest(view), at, kickers=True)}
        if self.front_lists:
            found["latest/front"] = self.rows(list(view.stories[:10]), at)
            found["popular"] = self.rows(view.popular[:10], at)
        return found

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        if name in ("", "home"):
            return self._front(view)
        if path.rstrip("/") == self.latest_path:
            return self._listing(view, self.latest_path, "আজকের সর্বশেষ খবর", self.latest(view), self.latest_widget)
        if section := self.section(name):
            stories = view.of(name)
            return self._listing(
                view, path, section.name, stories[3 : 3 + _ROWS], self.section_widget, section, stories[:3]
            )
        if name.startswith("topic/"):
            tag = name.removeprefix("topic/").replace("-", " ")
            return self._listing(
                view, path, tag, [s for s in view.stories if tag in s.tags][:_ROWS], self.section_widget
            )
        if name == "api/theme_engine/get_ajax_contents":
            return self._ajax(query, view)
        return self._machine(path, view)

    def _machine(self, path: str, view: View) -> Reply | None:
        if path == "/feed/":
            return self.rss(view, view.stories[:100])
        if match := re.fullmatch(r"/feed/([a-z-]+)", path):
            return self.rss(view, view.of(match[1])[:50]) if self.section(match[1]) else None
        if path == "/news-sitemap.xml":
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=True)
        if path == "/sitemap.xml":
            return self.xml("shared/sitemap_index.xml", view, paths=["/news-sitemap.xml"])
        return None

    def _front(self, view: View) -> Reply:
        stories = view.popular[:9]
        values = {"name": self.title, "url": f"{self.site}/", "heading": f"{self.title} | {self.english}"}
        template = "front.html" if self.front_lists else "listing.html"
        return self.html(
            template,
            view,
            **values,
            section=None,
            body_class="home",
            featured=stories[:3],
            stories=stories[3:],
            widget=self.section_widget,
            page_id=37,
        )

    def _listing(
        self,
        view: View,
        path: str,
        name: str,
        stories: list[Story],
        widget: int,
        section: Section | None = None,
        featured: list[Story] | None = None,
    ) -> Reply:
        return self.html(
            "listing.html",
            view,
            heading=f"{name} | {self.title}",
            name=name,
            url=self.site + path,
            section=section,
            body_class="sub_page",
            featured=featured or [],
            stories=stories,
            widget=widget,
            page_id=section.number if section else 0,
        )

    def _ajax(self, query: Mapping[str, str], view: View) -> Reply:
        start, page_id = number(query, "start", 0), number(query, "page_id", 0)
        stories = [story for story in view.stories if page_id in (0, story.section.number)]
        rows = self.html("rows.html", view, listed=stories[start : start + min(number(query, "count", _ROWS), 250)])
        return Reply(200, {"Content-Type": JSON}, json.dumps({"html": rows.body.decode()}).encode())

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        related = [other for other in view.of(story.section.path)[:5] if other != story][:4]
        return self.html(
            "story.html",
            view,
            heading=story.at(view.at).headline,
            url=self.url_of(story),
            section=story.section,
            body_class="detail_page",
            story=story,
            state=story.at(view.at),
            related=related,
            beside=view.popular[:5] if self.front_lists else [],
            beside_title="সর্বাধিক পঠিত",
            shows_update=self.shows_update,
            glued=self.shows_update,
            initials=initials(story),
            strong=self.varies(story, "first paragraph in strong"),
            embed=self.varies(story, "embedded post"),
            grouped=self.varies(story, "groups in the body"),
            highlights=[f"{tag} নিয়ে যা জানা গেল" for tag in story.tags] if self.varies(story, "highlights") else [],
            published_label="প্রকাশ : " if self.varies(story, "label of the date") else "",
            plain_image=self.varies(story, "plain picture"),
            keywords=self.varies(story, "keywords in JSON-LD"),
        )

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth = replace(self.base_truth(story, at), edition=None)
        if self.shows_update:
            truth = replace(truth, optional=frozenset({initials(story)}))
        return truth


class Ittefaq(Jadewits):
    name = "ittefaq"
    title = "দৈনিক ইত্তেফাক"
    english = "The Daily Ittefaq"
    host = "www.ittefaq.com.bd"
    other_hosts = ("ittefaq.com.bd",)
    cdn = "https://cdn.ittefaqbd.com"
    robots = ROBOTS
    latest_path, latest_page_id, latest_widget, section_widget = "/latest-news", 1141, 476, 476
    list_pages: ClassVar = {"latest": ("/latest-news",)}
    house = House(
        zone=DHAKA,
        sections=(
            Section("national", "জাতীয়", "national", 5, 1100),
            Section("politics", "রাজনীতি", "politics", 3, 1093),
            Section("country", "সারাদেশ", "country", 5, 1098),
            Section("world-news", "বিশ্ব সংবাদ", "world", 3, 1097),
            Section("sports", "খেলা", "sports", 3, 1095),
            Section("entertainment", "বিনোদন", "other", 1, 1096),
            Section("business", "অর্থনীতি", "national", 1, 1094),
            Section("education", "শিক্ষা", "other", 1, 1142),
        ),
        first_number=812_300,
        numbers_per_day=175,
        bylines=("ইত্তেফাক ডিজিটাল ডেস্ক", "ইত্তেফাক রিপোর্ট", "স্পোর্টস ডেস্ক"),
        credits=("ছবি: সংগৃহীত", "ছবি: ইত্তেফাক"),
        no_author=0.05,
    )

    def path_of(self, story: Story) -> str:
        return f"/{story.id}/{self.slug(story)}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/(\d+)(?:/.*)?", path)
        return self.by_id(match[1], view) if match else None


def initials(story: Story) -> str:
    return f"/{story.signoff}/" if story.signoff else ""
