"""Anandabazar Patrika on ABP's own system: Kolkata time and months, only the update printed, two templates of a story.

Facts of `anandabazar.md`: addresses and cid, suffix of the edition, printed date with Kolkata's months, order of the
text, pictures by Unix time, paywall script A; section pages and their rows B; classes of a story's page, JSON-LD and
sticky advertising C. Public collectors name two bodies, `#contentbox` and (of premium stories) `#articlebox` with
`h4.bynowtxt`: print stories have the second here. The site has no known latest or most-read list and none here. Made
up: front page, tags, kicker's class.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

from ..paper import Paper, Reply, View, number
from ..schedule import House
from ..story import Row, Section, State, Story, Truth

_IST = timezone(timedelta(hours=5, minutes=30), "Asia/Kolkata")
_PER_PAGE = 20
_KICKERS = ("Weather Update", "Civic Polls", "Kolkata Metro", "Market Watch", "Court Order", "Bengal Cricket")


class Anandabazar(Paper):
    name = "anandabazar"
    title = "আনন্দবাজার পত্রিকা"
    host = "www.anandabazar.com"
    other_hosts = ("anandabazar.com",)
    robots = (
        "User-agent: *\nDisallow:\n\n"
        "User-agent: Googlebot-News\nDisallow: /video\nDisallow: /horoscope\nDisallow: /topic\n"
    )
    list_pages: ClassVar = {}
    feeds = ("/news-sitemap.xml",)
    variations = ("UTC dates in JSON-LD", "spaces in JSON-LD")
    house = House(
        zone=_IST,
        sections=(
            Section("west-bengal", "রাজ্য", "country", 5),
            Section("west-bengal/kolkata", "কলকাতা", "capital", 3),
            Section("india", "দেশ", "national", 3),
            Section("world", "বিদেশ", "world", 3),
            Section("sports/cricket", "ক্রিকেট", "sports", 2),
            Section("business", "ব্যবসা", "national", 1),
            Section("entertainment", "বিনোদন", "other", 2),
            Section("editorial/essays", "প্রবন্ধ", "politics", 1),
        ),
        first_number=1_718_400,
        numbers_per_day=235,
        bylines=("নিজস্ব সংবাদদাতা", "আনন্দবাজার ডট কম সংবাদদাতা", "আনন্দবাজার ডট কম ডেস্ক"),
        credits=("ছবি: পিটিআই", "ফাইল চিত্র", "নিজস্ব চিত্র"),
        printed=0.25,
    )

    def path_of(self, story: Story) -> str:
        suffix = "prnt" if story.edition == "print" else story.pick("suffix", "dgtl", "dgtl", "dgtl", "dgtld")
        return f"/{story.section.path}/{story.slug}-{suffix}/cid/{story.id}"

    def find(self, path: str, view: View) -> Story | None:
        match = re.fullmatch(r"(?:/amp|/app)?(?:/[a-z0-9-]+){2,4}/cid/(\d+)", path)
        return self.by_id(match[1], view) if match else None

    def lists(self, at: datetime) -> dict[str, list[Row]]:
        return {}

    def image(self, story: Story) -> str:
        picture = story.picture
        if picture is None:
            return "https://assets.telegraphindia.com/abp/og-default.jpg"
        taken = picture.taken
        return f"https://assets.telegraphindia.com/abp/{taken:%Y/%b}/{int(taken.timestamp())}_{picture.name}.jpg"

    def page(self, path: str, query: Mapping[str, str], view: View) -> Reply | None:
        name, _, page = path.strip("/").partition("/page-")
        if name == "":
            return self._listing(view, "", "আনন্দবাজার পত্রিকা", view.popular[:21], 1, 1)
        if name == "news-sitemap.xml":
            half = [story for story in view.since(2) if story.rng("sitemap").random() < 0.6]
            return self.xml("shared/news_sitemap.xml", view, stories=half, images=False)
        section = self.section(name)
        if section is None and name != "sports":
            return None
        stories, number_of_page = view.of(name), number({"page": page or "1"}, "page")
        listed = stories[_PER_PAGE * (number_of_page - 1) : _PER_PAGE * number_of_page]
        title = section.name if section else "খেলা"
        return (
            self._listing(view, name, title, listed, number_of_page, -(-len(stories) // _PER_PAGE)) if listed else None
        )

    def _listing(self, view: View, slug: str, name: str, stories: list[Story], page: int, pages: int) -> Reply:
        return self.html(
            "listing.html",
            view,
            heading=name,
            description=name,
            url=f"{self.site}/{slug}",
            name=name,
            slug=slug,
            stories=stories,
            lead=page == 1,
            page=page,
            pages=pages if slug else 0,
        )

    def story_page(self, story: Story, path: str, view: View) -> Reply:
        state, rng = story.at(view.at), story.rng("page")
        if path.startswith(("/amp/", "/app/")):
            return self.html("amp.html", view, story=story, state=state, url=self.url_of(story))
        return self.html(
            "story.html",
            view,
            heading=state.headline,
            description=_summary(story, state),
            url=self.url_of(story),
            story=story,
            state=state,
            premium=story.edition == "print",
            kicker=story.pick("kicker", *_KICKERS),
            summary=_summary(story, state),
            place=rng.choice(("কলকাতা", "নয়াদিল্লি", "শিলিগুড়ি")),
            others=view.sample(story, rng.choice((0, 1, 2))),
            related=[other for other in view.of(story.section.path)[:7] if other != story][:6],
            spaced=self.varies(story, "spaces in JSON-LD"),
            json_ld=self._json_ld(story, state),
        )

    def _json_ld(self, story: Story, state: State) -> dict[str, Any]:
        def date(moment: datetime) -> str:
            zone = UTC if self.varies(story, "UTC dates in JSON-LD") else _IST
            return moment.astimezone(zone).isoformat(timespec="seconds")

        return {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "mainEntityOfPage": {"@type": "WebPage", "@id": self.url_of(story)},
            "headline": state.headline,
            "description": _summary(story, state),
            "image": {"@type": "ImageObject", "url": self.image(story)},
            "datePublished": date(story.published),
            "dateModified": date(state.updated or story.published),
            "author": [{"@type": "Person", "name": name} for name in story.authors],
            "publisher": {"@type": "Organization", "name": "Anandabazar Patrika"},
        }

    def truth_of(self, story: Story, at: datetime) -> Truth:
        return replace(self.base_truth(story, at), kicker=story.pick("kicker", *_KICKERS))


def _summary(story: Story, state: State) -> str:
    """Return the summary below the headline, which is no part of the body."""
    return f"{story.section.name} থেকে পাওয়া খবর: {state.headline}। বিস্তারিত প্রতিবেদন।"
