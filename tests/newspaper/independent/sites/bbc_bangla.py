"""BBC News Bangla on Simorgh: hashed classes, page data in a script, hidden words, a most-read page and no latest list.

Facts of `bbc-bangla.md`: addresses, page data, most-read rows and JSON, JSON-LD without a text, times, topics, hidden
words and the 404 page A (the front end's own code and test data); headline and body B. The feed and the most-read
JSON are on other hosts, as in life. Made up: robots.txt, the byline's Bengali labels, and how many stories a page
lists. The two forms of page data are used in turn.
"""

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar

from ...bengali_text import DHAKA
from ..paper import JSON, XML, Paper, Reply, View, number
from ..schedule import House
from ..story import Row, Section, Story, Truth
from ..wording import milliseconds, utc
from . import simorgh

_ID = string.ascii_lowercase + string.digits
_PER_PAGE = 24


@dataclass(frozen=True)
class SimorghHouse(House):
    def identify(self, rng: Random, number: int) -> str:
        return f"c{''.join(rng.choices(_ID, k=10))}o"


class BBCBangla(Paper):
    name = "bbcbangla"
    title = "BBC News বাংলা"
    host = "www.bbc.com"
    other_hosts = ("www.bbc.co.uk",)
    hosts_elsewhere = ("feeds.bbci.co.uk", "onward-journeys.api.bbci.co.uk", "web-cdn.api.bbci.co.uk")
    robots = "User-agent: *\nDisallow: /search\nDisallow: /userinfo\n"
    list_pages: ClassVar = {"popular": ("/bengali/popular/read",), "popular/box": ("/bengali",)}
    story_lists = ("popular/box",)
    front = "/bengali"
    feeds = ("https://feeds.bbci.co.uk/bengali/rss.xml",)
    shares: ClassVar = {"other headline in JSON-LD": 0.3}
    variations = ("data in __NEXT_DATA__", "other headline in JSON-LD", "bold first paragraph", "embedded post")
    validators = True
    house = SimorghHouse(
        zone=DHAKA,
        sections=(
            Section("c907347rezkt", "বিশ্ব", "world", 3),
            Section("cqywj91rkg6t", "রাজনীতি", "politics", 3),
            Section("cjgn7233zk5t", "অর্থনীতি", "national", 1),
            Section("c8y94k95v52t", "প্রযুক্তি", "other", 1),
            Section("cg7265yyxn1t", "স্বাস্থ্য", "other", 1),
            Section("cdr56g57y01t", "খেলা", "sports", 1),
            Section("c2dwq2nd40xt", "বাংলাদেশ", "national", 4),
        ),
        first_number=1,
        numbers_per_day=120,
        bylines=("বিবিসি নিউজ বাংলা, ঢাকা", "বিবিসি নিউজ বাংলা, দিল্লি"),
        credits=("Getty Images", "BBC", "AFP", "Reuters"),
        no_author=0.5,
        named_authors=0.7,
        kickers=0,
    )

    def path_of(self, story: Story) -> str:
        return f"/bengali/articles/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/bengali/articles/(c\w{10}o)(?:\.(?:amp|app|lite))?", path)
        return self.by_id(match[1], view) if match else None

    def box(self, view: View) -> list[Story]:
        return view.popular[:5]

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {
            "popular": self.rows(view.popular[:10], at),
            "popular/box": self.rows(self.box(view), at),
            "popular/json": self.rows(view.popular[:20], at),
        }

    def image(self, story: Story, width: int = 640) -> str:
        if story.picture is None:
            return "https://news.files.bbci.co.uk/ws/img/logos/og/bengali.png"
        return f"https://ichef.bbci.co.uk/ace/ws/{width}/cpsprodpb/{_locator(story)}"

    def branded(self, story: Story) -> str:
        return f"https://ichef.bbci.co.uk/news/1024/branded_bengali/{_locator(story)}"

    def topic_id(self, topic: str) -> str:
        known = {section.name: section.path for section in self.house.sections}
        return known.get(topic) or f"c{''.join(Random(topic).choices(_ID, k=10))}t"

    def topics(self, story: Story) -> tuple[str, ...]:
        return (story.section.name, *story.tags)

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.removeprefix("/bengali").strip("/")
        if not path.startswith("/bengali"):
            return None
        if name == "":
            curations = [("প্রধান খবর", view.popular[3:12]), ("নির্বাচিত খবর", view.sample(view.stories[0], 6, 60))]
            return self._listing(view, path, "খবর, সর্বশেষ খবর", curations, most_read=self.box(view))
        if name == "popular/read":
            data = {"items": self._most_read(view, 10), "metadata": {"type": "mostRead"}}
            return self._made("popular.html", view, path, "সর্বাধিক পঠিত", data, listed=view.popular[:10])
        if section := self.section(name.removeprefix("topics/")):
            stories, page = view.of(section.path), number(query, "page")
            listed = stories[_PER_PAGE * (page - 1) : _PER_PAGE * page]
            pages = -(-len(stories) // _PER_PAGE)
            return self._listing(view, path, section.name, [(section.name, listed)], topic=True, page=page, pages=pages)
        return None

    def elsewhere(self, host: str, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        if (host, path) == ("feeds.bbci.co.uk", "/bengali/rss.xml"):
            stories = Random(f"{self.seed}/{view.stories[0].id}").sample(view.stories[:18], min(18, len(view.stories)))
            return Reply(200, {"Content-Type": XML}, self.html("rss.xml", view, stories=stories, zone=UTC).body)
        if (host, path) == ("onward-journeys.api.bbci.co.uk", "/api/most/read/bengali"):
            made = {"generated": utc(view.at), "lastRecordTimeStamp": utc(view.at), "items": self._most_read(view, 20)}
            return Reply(200, {"Content-Type": JSON}, json.dumps(made, ensure_ascii=False).encode())
        if path == "/fd/simorgh-bff" and query.get("pageType") == "mostRead":
            made = {"data": {"generated": utc(view.at), "items": self._most_read(view, 20)}, "contentType": "mostRead"}
            return Reply(200, {"Content-Type": JSON}, json.dumps(made, ensure_ascii=False).encode())
        return None

    def _most_read(self, view: View, count: int) -> list[dict[str, Any]]:
        return [
            {
                "id": f"urn:bbc:optimo:asset:{story.id}",
                "rank": rank,
                "title": story.at(view.at).headline,
                "href": self.url_of(story),
                "timestamp": milliseconds(story.at(view.at).updated or story.published),
            }
            for rank, story in enumerate(view.popular[:count], 1)
        ]

    def _listing(
        self, view: View, path: str, heading: str, curations: list[tuple[str, list[Story]]], **values: Any
    ) -> Reply:
        data = {
            "title": heading,
            "activePage": values.get("page", 1),
            "pageCount": values.get("pages", 1),
            "curations": [
                {"title": title, "summaries": [self._summary(story, view) for story in listed]}
                for title, listed in curations
            ],
        }
        own = {"curations": curations, "topic": False, "page": 1, "pages": 1, "most_read": []}
        return self._made("listing.html", view, path, heading, data, **(own | values))

    def _summary(self, story: Story, view: View) -> dict[str, Any]:
        state = story.at(view.at)
        return {
            "type": "article",
            "title": state.headline,
            "firstPublished": utc(story.published),
            "lastPublished": utc(state.updated or story.published),
            "link": self.url_of(story),
            "imageUrl": self.image(story).replace("/640/", "/{width}/"),
            "description": state.lead,
            "id": story.id,
        }

    def _made(self, template: str, view: View, path: str, heading: str, data: dict[str, Any], **values: Any) -> Reply:
        own = {"next_page": False, "path": path, "url": self.site + path, "heading": heading, "data": data}
        return self.html(template, view, **(own | values))

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state, url = story.at(view.at), self.url_of(story)
        if path != self.path_of(story):
            return self.html("lite.html", view, story=story, state=state, url=url)
        return self._made(
            "story.html",
            view,
            path,
            state.headline,
            simorgh.page_data(self, story, view),
            story=story,
            state=state,
            topics=self.topics(story),
            next_page=self.varies(story, "data in __NEXT_DATA__"),
            bold=self.varies(story, "bold first paragraph"),
            embed=self.varies(story, "embedded post"),
            others=view.sample(story, story.rng("page").choice((0, 1, 2))),
            related=[other for other in view.of(story.section.path)[:4] if other != story][:3],
            top=[other for other in view.popular[5:9] if other != story][:3],
            json_ld=simorgh.json_ld(self, story, view),
        )

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth = self.base_truth(story, at)
        return replace(truth, edition=None, tags=self.topics(story))


def _locator(story: Story) -> str:
    return (
        f"{story.rng('picture').getrandbits(16):04x}/live/{story.picture.name if story.picture else 'x'}-{story.id}.jpg"
    )
