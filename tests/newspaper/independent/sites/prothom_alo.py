"""Prothom Alo on Quintype: random slugs, hashed classes, a list with printed ranks, and the page's data as JSON.

Facts of `prothomalo.md`: addresses, list block and ranks, three JSON-LD blocks with escaped `articleBody`, body
elements, page data, both forms of letters with nukta A; title, byline, time, tags, hero, feeds and the collections'
JSON B; the answer of the `mostread` collection, the caption and the writer below `লেখা:` on the page C. Not known and
made up here: front page, 404 page, which element the kicker has on a story's page (two are used).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from ...bengali_text import DHAKA
from ..paper import JSON, Reply, View, number
from ..story import Row, Section, Story, Truth
from .quintype import SIZE, Quintype, QuintypeHouse, elements

_PRECOMPOSED = {"\u09af\u09bc": "\u09df", "\u09a1\u09bc": "\u09dc", "\u09a2\u09bc": "\u09dd"}


class ProthomAlo(Quintype):
    name = "prothomalo"
    title = "প্রথম আলো"
    host = "www.prothomalo.com"
    other_hosts = ("prothomalo.com", "m.prothomalo.com")
    robots = (
        "User-agent: *\nAllow: /\nDisallow: /shell.html\nDisallow: /api/auth/\n"
        "Disallow: /api/comments/get_comments_json\nDisallow: /story/*/element/\n\n"
        "Sitemap: https://www.prothomalo.com/sitemap.xml\n"
    )
    list_pages: ClassVar = {
        "latest": ("/collection/latest", "/api/v1/collections/latest-all"),
        "latest/tab": ("/bangladesh", "/sports"),
        "popular": ("/api/v1/collections/mostread",),
    }
    story_lists = ("latest/tab",)
    feeds = ("/feed/", "/stories.rss", "/news_sitemap.xml", "/sitemap/sitemap-daily-2026-10-04.xml", "/sitemap.xml")
    shares: ClassVar = {"og tags of the front page": 0.15, "writer in author-location": 0.1, "label of the date": 0.7}
    variations = (
        "Z dates in JSON-LD",
        "precomposed letters",
        "kicker as h2",
        "writer in author-location",
        "og tags of the front page",
        "label of the date",
    )
    house = QuintypeHouse(
        zone=DHAKA,
        sections=(
            Section("bangladesh", "বাংলাদেশ", "national", 4),
            Section("bangladesh/district", "জেলা", "country", 4),
            Section("bangladesh/crime", "অপরাধ", "national", 1),
            Section("bangladesh/capital", "রাজধানী", "capital", 2),
            Section("politics", "রাজনীতি", "politics", 3),
            Section("world", "বিশ্ব", "world", 2),
            Section("world/middle-east", "মধ্যপ্রাচ্য", "world", 1),
            Section("business", "বাণিজ্য", "national", 2),
            Section("sports", "খেলা", "sports", 1),
            Section("sports/cricket", "ক্রিকেট", "sports", 2),
            Section("opinion", "মতামত", "politics", 1),
            Section("entertainment", "বিনোদন", "other", 1),
        ),
        first_number=700_000,
        numbers_per_day=213,
        bylines=("নিজস্ব প্রতিবেদক", "প্রথম আলো ডেস্ক", "প্রতিনিধি", "খেলা ডেস্ক"),
        credits=("ছবি: প্রথম আলো", "ছবি: সংগৃহীত", "রয়টার্স ফাইল ছবি"),
        kickers=0.35,
        printed=0.15,
    )

    def path_of(self, story: Story) -> str:
        return f"/{story.section.path}/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        sections, _, slug = path.removeprefix("/amp/story").rpartition("/")
        return self.by_id(slug, view) if sections.strip("/") else None

    def tab(self, view: View) -> list[Story]:
        return list(view.stories[:5])

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        return {
            "latest": self.rows(list(view.stories[:20]), at, kickers=True),
            "latest/tab": self.rows(self.tab(view), at, kickers=True),
            "popular": self.rows(view.popular[:20], at, kickers=True),
        }

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        if name == "":
            return self._listing(view, path, "প্রথম আলো", view.popular[:20], "home")
        if name == "collection/latest":
            return self._listing(view, path, "সর্বশেষ", list(view.stories[:20]), "")
        if section := self.section(name):
            return self._listing(view, path, section.name, view.of(name)[:20], name.replace("/", "-"))
        if name.startswith("topic/"):
            tag = name.removeprefix("topic/").replace("-", " ")
            return self._listing(view, path, tag, [story for story in view.stories if tag in story.tags][:20], "")
        if name.startswith("api/v1/collections/"):
            return self._collection(name.rpartition("/")[2], query, view)
        return self._machine(path, view)

    def _machine(self, path: str, view: View) -> Reply | None:
        if path in ("/feed/", "/feed", "/stories.rss"):
            return self.rss(view, view.stories[:30], full=True, zone=UTC)
        if path == "/news_sitemap.xml":
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=True)
        if path == "/sitemap.xml":
            days = sorted({f"{story.published:%Y-%m-%d}" for story in view.stories})
            return self.xml(
                "shared/sitemap_index.xml", view, paths=[f"/sitemap/sitemap-daily-{day}.xml" for day in days]
            )
        day = path.removeprefix("/sitemap/sitemap-daily-").removesuffix(".xml")
        stories = [story for story in view.stories if f"{story.published:%Y-%m-%d}" == day]
        return self.xml("shared/sitemap.xml", view, stories=stories) if stories else None

    def _collection(self, slug: str, query: Mapping[str, str], view: View) -> Reply | None:
        stories = {"latest-all": list(view.stories), "mostread": view.popular}.get(slug)
        if stories is None:
            stories = view.of(slug.removesuffix("-all"))
        start, count = number(query, "offset", 0), number(query, "limit", 20)
        items = self.items(stories[start : start + min(count, 100)], view)
        body = {"slug": slug, "name": slug, "data-source": "automated", "items": items, "total-count": len(stories)}
        return Reply(200, {"Content-Type": JSON}, json.dumps(body, ensure_ascii=False).encode()) if stories else None

    def _listing(self, view: View, path: str, name: str, stories: list[Story], slug: str) -> Reply:
        items = self.items(stories, view)
        whole = {"type": "collection", "slug": f"{slug}-all", "name": f"{name}-সব", "items": items[:5]}
        tree = [
            {"type": "collection", "slug": f"{slug}-top5", "name": f"First 5 ({name})", "items": [whole]},
            {"type": "collection", "slug": "sports-b1-ads", "name": "B1 Ads", "items": []},
            {
                "type": "collection",
                "slug": f"{slug}-rest15",
                "name": f"Rest 15 ({name})",
                "items": [{**whole, "items": items}],
            },
        ]
        values = {
            "url": self.site + path,
            "og_url": self.site + path,
            "og_title": name,
            "og_image": f"{self.site}/og.jpg",
        }
        return self.html(
            "listing.html",
            view,
            **values,
            heading=name,
            story=None,
            stories=stories,
            slug=slug,
            data={"collection": {"items": tree}},
        )

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state, rng = story.at(view.at), story.rng("page")
        of_front = self.varies(story, "og tags of the front page")
        article = self.json_ld(story, state)
        reply = self.html(
            "story.html",
            view,
            heading=state.headline,
            url=self.url_of(story),
            og_url=f"{self.site}/" if of_front else self.url_of(story),
            og_title="প্রথম আলো | Prothom Alo" if of_front else state.headline,
            og_image=f"{self.site}/og.jpg" if of_front else self.image(story) + SIZE,
            story=story,
            state=state,
            published=article["datePublished"],
            elements=elements(story, state),
            others=view.sample(story, rng.choice((0, 1, 2))),
            related=[other for other in view.of(story.section.path)[:6] if other != story][:5],
            subheadline=self.varies(story, "kicker as h2"),
            writer_below=self.varies(story, "writer in author-location"),
            printed_label=self.varies(story, "label of the date"),
            article=article | {"@type": "Article"},
            news_article=article
            | {"@type": "NewsArticle", "alternativeHeadline": story.kicker or "", "description": state.lead[:150]},
            data={"story": self.story_data(story, view)},
        )
        if not self.varies(story, "precomposed letters"):
            return reply
        text = reply.body.decode()
        for composed, other in _PRECOMPOSED.items():
            text = text.replace(composed, other)
        return reply._replace(body=text.encode())

    def truth_of(self, story: Story, at: datetime) -> Truth:
        return self.base_truth(story, at)
