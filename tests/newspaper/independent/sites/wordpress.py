"""Nodi Somoy, a regional newspaper on WordPress that does not exist, with the theme of a real Bengali article page.

A real article page (ukbdnews.com, 2020) shows the theme's frame, article, Yoast's graph, addresses by year and month
and the date with পূর্বাহ্ণ (A); feed, API and sitemap are WordPress' own (A, documentation). The two tabs are made up
after the widget that the real page loads. The visible byline is the story's, the hidden one of the theme is `admin`.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from ...bengali_text import DHAKA
from ..paper import JSON, Paper, Reply, View, number
from ..schedule import House
from ..story import Row, Section, Story, Truth
from ..wording import paragraphs_as_html

_PER_PAGE = 15


class NodiSomoy(Paper):
    name = "nodisomoy"
    title = "নদী সময়"
    templates = "wordpress"
    host = "nodisomoy.example"
    other_hosts = ("www.nodisomoy.example",)
    robots = (
        "User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n\n"
        "Sitemap: https://nodisomoy.example/sitemap_index.xml\n"
    )
    list_pages: ClassVar = {"latest": ("/", "/category/sports/"), "popular": ("/",)}
    story_lists = ("latest", "popular")
    feeds = ("/feed/", "/category/sports/feed/", "/post-sitemap.xml")
    variations = ("byline in the theme's place",)
    validators = True
    house = House(
        zone=DHAKA,
        sections=(
            Section("national", "জাতীয়", "national", 3),
            Section("politics", "রাজনীতি", "politics", 2),
            Section("district", "জেলার খবর", "country", 5),
            Section("international", "আন্তর্জাতিক", "world", 2),
            Section("sports", "খেলা", "sports", 2),
        ),
        first_number=41_200,
        numbers_per_day=160,
        bylines=("নিজস্ব প্রতিবেদক", "নদী সময় ডেস্ক"),
        credits=("ছবি: সংগৃহীত", "ছবি: নদী সময়"),
    )

    def path_of(self, story: Story) -> str:
        return f"/{story.published:%Y/%m}/{story.id}/"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"/\d{4}/\d\d/(\d+)/?", path)
        return self.by_id(match[1], view) if match else None

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {"latest": self.rows(list(view.stories[:10]), at), "popular": self.rows(view.popular[:10], at)}

    def image(self, story: Story) -> str:
        taken = story.picture.taken if story.picture else story.published
        name = story.picture.name if story.picture else "logo"
        return f"{self.site}/wp-content/uploads/{taken:%Y/%m}/{name}-{story.id}.jpg"

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        if path == "/" and "p" in query:
            story = self.by_id(query["p"], view)
            return Reply(301, {"Location": self.url_of(story)}, b"") if story else None
        if path == "/":
            return self._listing(view, "/", self.title, view.popular[:_PER_PAGE], 0, "home blog")
        if match := re.fullmatch(r"/category/([a-z]+)/(?:(feed)/|page/(\d+)/)?", path):
            section = self.section(match[1])
            stories = view.of(match[1]) if section else []
            if match[2]:
                return self.rss(view, stories[:10], full=True, zone=UTC)
            start = _PER_PAGE * (int(match[3] or 1) - 1)
            pages, listed = -(-len(stories) // _PER_PAGE), stories[start : start + _PER_PAGE]
            return self._listing(view, path, section.name, listed, pages, "archive category") if section else None
        if path in ("/feed/", "/feed"):
            return self.rss(view, view.stories[:10], full=True, zone=UTC)
        if path == "/post-sitemap.xml":
            return self.xml("shared/sitemap.xml", view, stories=view.stories[:1000])
        if path == "/sitemap_index.xml":
            maps = ["/post-sitemap.xml", "/post-sitemap2.xml", "/page-sitemap.xml", "/category-sitemap.xml"]
            return self.xml("shared/sitemap_index.xml", view, paths=[*maps, "/author-sitemap.xml"])
        if path.rstrip("/") == "/wp-json/wp/v2/posts":
            return self._posts(query, view)
        return None

    def _listing(
        self, view: View, path: str, heading: str, stories: list[Story], pages: int, body_class: str
    ) -> Reply | None:
        url = self.site + re.sub(r"page/\d+/$", "", path)
        values = {"heading": heading, "url": url, "body_class": body_class, "pages": pages, "stories": stories}
        return self.html("listing.html", view, **values) if stories else None

    def _posts(self, query: Mapping[str, str], view: View) -> Reply:
        count, page = min(number(query, "per_page", 10), 100), number(query, "page")
        listed = view.stories[count * (page - 1) : count * page]
        posts = [self._post(story, view) for story in listed]
        headers = {"Content-Type": JSON, "X-WP-Total": str(len(view.stories))}
        return Reply(200, headers, json.dumps(posts).encode())

    def _post(self, story: Story, view: View) -> dict[str, Any]:
        state = story.at(view.at)
        changed = state.updated or story.published
        return {
            "id": story.number,
            "date": f"{story.published:%Y-%m-%dT%H:%M:%S}",
            "date_gmt": f"{story.published.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            "modified": f"{changed:%Y-%m-%dT%H:%M:%S}",
            "modified_gmt": f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            "slug": story.id,
            "status": "publish",
            "type": "post",
            "link": self.url_of(story),
            "title": {"rendered": state.headline},
            "content": {"rendered": paragraphs_as_html([block.text for block in state.blocks]), "protected": False},
            "author": 1,
        }

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state = story.at(view.at)
        if path != self.path_of(story):
            return Reply(301, {"Location": self.url_of(story)}, b"")
        return self.html(
            "story.html",
            view,
            heading=state.headline,
            url=self.url_of(story),
            body_class=f"post-template-default single single-post postid-{story.id} single-format-standard",
            story=story,
            state=state,
            named=self.varies(story, "byline in the theme's place"),
            others=view.sample(story, story.rng("page").choice((0, 0, 1))),
            related=view.sample(story, 3, 30),
            graph=self._graph(story, view),
        )

    def _graph(self, story: Story, view: View) -> dict[str, Any]:
        state, url = story.at(view.at), self.url_of(story)
        page = {
            "@type": "WebPage",
            "@id": f"{url}#webpage",
            "url": url,
            "name": f"{state.headline} | {self.title}",
            "datePublished": story.published.astimezone(UTC).isoformat(timespec="seconds"),
            "dateModified": (state.updated or story.published).astimezone(UTC).isoformat(timespec="seconds"),
            "author": {"@id": f"{self.site}/#/schema/person/1"},
        }
        person = {"@type": "Person", "@id": f"{self.site}/#/schema/person/1", "name": "admin"}
        site = {"@type": "WebSite", "@id": f"{self.site}/#website", "url": f"{self.site}/", "name": self.title}
        return {"@context": "https://schema.org", "@graph": [site, page, person]}

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth = self.base_truth(story, at)
        return Truth(**{**vars(truth), "kicker": None, "edition": None})
