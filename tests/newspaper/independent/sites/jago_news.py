"""Jago News 24 on Bootstrap 3: two tabs with printed ranks, and lists of a section beside each story.

Facts of `jagonews24.md`: markup of pages, tabs, byline with its twin, date order and desk initials A (2020 and 2018);
body, tags and `og:image` script B; JSON-LD, load-more and archive C. Not known and made up here: the caption's
element, the 404 page, the counts of the grids below a story.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from ...bengali_text import DHAKA
from ..paper import Paper, Reply, View, minute, number
from ..schedule import House
from ..story import Row, Section, Story, Truth

_SECTIONS = (
    Section("national", "জাতীয়", "national", 5, 1),
    Section("politics", "রাজনীতি", "politics", 3, 2),
    Section("economy", "অর্থনীতি", "national", 2, 3),
    Section("international", "আন্তর্জাতিক", "world", 3, 4),
    Section("country", "দেশজুড়ে", "country", 5, 5),
    Section("sports/cricket", "ক্রিকেট", "sports", 2, 6),
    Section("sports/football", "ফুটবল", "sports", 1, 6),
    Section("entertainment", "বিনোদন", "other", 1, 7),
    Section("education", "শিক্ষা", "other", 1, 9),
    Section("opinion", "মতামত", "politics", 1, 12),
)
_PATH = re.compile(r"(?:/[a-z-]+)+/(\d+)")


class JagoNews(Paper):
    name = "jagonews24"
    title = "জাগো নিউজ ২৪"
    host = "www.jagonews24.com"
    other_hosts = ("jagonews24.com",)
    robots = (
        "User-agent: *\nContent-Signal: search=yes,ai-train=no,use=reference\nAllow: /\n\n"
        "User-agent: Amazonbot\nDisallow: /\n\nUser-agent: Applebot-Extended\nDisallow: /\n\n"
        "User-agent: Bytespider\nDisallow: /\n\nSitemap: https://www.jagonews24.com/sitemaps/news-sitemap.xml\n"
    )
    list_pages: ClassVar = {"latest": ("/", "/national", "/country"), "popular": ("/", "/national", "/country")}
    story_lists = ("latest/{section}", "popular/{section}")
    feeds = ("/rss/rss.xml", "/rss/national.xml", "/sitemaps/news-sitemap.xml")
    variations = ("picture in data-src", "tags icon as svg", "read also as list", "no date in JSON-LD")
    house = House(
        zone=DHAKA,
        sections=_SECTIONS,
        first_number=1_159_500,
        numbers_per_day=248,
        bylines=("নিজস্ব প্রতিবেদক", "জাগো নিউজ ডেস্ক", "জ্যেষ্ঠ প্রতিবেদক", "স্পোর্টস ডেস্ক"),
        credits=("ছবি: সংগৃহীত", "ছবি: জাগো নিউজ", "ফাইল ছবি"),
        kickers=0,
        signoffs=("এমইউএইচ", "এসআর", "এমকেএইচ", "জেডএইচ", "এএসএম", "জেএইচ"),
    )

    def path_of(self, story: Story) -> str:
        section, _, sub = story.section.path.partition("/")
        return f"/{section}/{sub or ('article' if section == 'opinion' else 'news')}/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        match = _PATH.fullmatch(path)
        story = self.by_id(match[1], view) if match else None
        known = story and path in (self.path_of(story), f"/m{self.path_of(story)}", f"/amp/{story.id}")
        return story if known else None

    def latest(self, view: View) -> list[Story]:
        return list(view.stories[:10])

    def most_read(self, view: View) -> list[Story]:
        return view.popular[:10]

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        view = self.view(at)
        found = {"latest": self.rows(self.latest(view), at), "popular": self.rows(self.most_read(view), at)}
        for section in self.house.sections:
            latest, popular = self._of_section(section, view)
            found[f"latest/{section.path}"] = self.rows(latest, at)
            found[f"popular/{section.path}"] = self.rows(popular, at)
        return found

    def _of_section(self, section: Section, view: View) -> tuple[list[Story], list[Story]]:
        def own(stories: Any) -> list[Story]:
            return [story for story in stories if story.section == section][:5]

        return own(view.stories), own(view.popular)

    def image(self, story: Story, size: str = "BG") -> str:
        picture = story.picture
        if picture is None:
            return "https://cdn.jagonews24.com/media/common/default.png"
        folder = f"https://cdn.jagonews24.com/media/imgAllNew/{size}/{picture.taken:%Y%B}"
        return f"{folder}/{picture.name}-{picture.taken:%Y%m%d%H%M%S}.jpg"

    def parent_name(self, story: Story) -> str:
        return "খেলাধুলা" if story.section.path.startswith("sports") else story.section.name

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name = path.strip("/")
        sections = {section.path: section for section in self.house.sections}
        sections |= {"sports": Section("sports", "খেলাধুলা", "sports", 1, 6)}
        if name == "":
            return self.html("listing.html", view, heading="সর্বশেষ সংবাদ", section=None, stories=view.stories[:13])
        if name in sections:
            section = sections[name]
            stories = view.of(name)[:16]
            return self.html("listing.html", view, heading=section.name, section=section, stories=stories)
        if name.startswith("m/") and name[2:] in sections:
            section = sections[name[2:]]
            stories = view.of(section.path)[:16]
            return self.html("mobile.html", view, heading=section.name, story=None, stories=stories)
        if name == "load-more-category-content":
            return self._more(query, view)
        if name == "archive":
            return self._archive(query, view)
        if name == "rss/rss.xml" or (name.startswith("rss/") and name[4:-4] in sections):
            found = list(view.stories) if name == "rss/rss.xml" else view.of(name[4:-4])
            return self.rss(view, found[:50], full=True)
        if name == "sitemaps/news-sitemap.xml":
            return self.xml("shared/news_sitemap.xml", view, stories=view.since(2), images=True)
        if name in ("photo", "video") or name.startswith(("video/", "topic/", "author/")):
            return self.html("listing.html", view, heading=name, section=None, stories=[])
        return None

    def _more(self, query: Mapping[str, str], view: View) -> Reply:
        category, page = number(query, "catid"), number(query, "page")
        stories = [story for story in view.stories if story.section.number == category]
        return self.html("more.html", view, stories=stories[16 * (page - 1) : 16 * page])

    def _archive(self, query: Mapping[str, str], view: View) -> Reply:
        day = query.get("dateFrom", f"{view.at:%d/%m/%Y}")
        stories = [story for story in view.stories if f"{story.published:%d/%m/%Y}" == day]
        page = number(query, "page")
        return self.html(
            "archive.html",
            view,
            stories=stories[20 * (page - 1) : 20 * page],
            pages=-(-len(stories) // 20),
            days=f"dateFrom={day}&dateTo={day}",
        )

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state = story.at(view.at)
        if path.startswith(("/m/", "/amp/")):
            return self.html("mobile.html", view, story=story, state=state, heading="", stories=[])
        latest, popular = self._of_section(story.section, view)
        rng = story.rng("page")
        return self.html(
            "story.html",
            view,
            story=story,
            state=state,
            url=self.url_of(story),
            lazy=self.varies(story, "picture in data-src"),
            svg_icon=self.varies(story, "tags icon as svg"),
            caption=story.picture.printed if story.picture else "",
            read_also_after=rng.choice((0, 3, 4)),
            read_also_as_list=self.varies(story, "read also as list"),
            others=view.sample(story, 3),
            chosen=view.sample(story, 6, 60),
            section_latest=latest,
            section_popular=popular,
            json_ld=self._json_ld(story, view),
        )

    def _json_ld(self, story: Story, view: View) -> dict[str, Any]:
        data: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "mainEntityOfPage": {"@type": "WebPage", "@id": self.url_of(story)},
            "headline": story.at(view.at).headline,
        }
        if not self.varies(story, "no date in JSON-LD"):
            data["datePublished"] = story.published.isoformat(timespec="seconds")
        if story.picture:
            data["image"] = {"@type": "ImageObject", "url": self.image(story)}
        return data | {"publisher": {"@type": "Organization", "name": self.title}}

    def truth_of(self, story: Story, at: datetime) -> Truth:
        truth = self.base_truth(story, at)
        dated = not self.varies(story, "no date in JSON-LD")
        return replace(
            truth,
            published_at=story.published if dated else minute(story.published),
            precision="second" if dated else "minute",
            updated_at=minute(truth.updated_at),
            updated_precision="minute",
            edition=None,
            optional=frozenset({story.signoff or "", f"{story.authors[0]}, কলাম লেখক"}),
        )
