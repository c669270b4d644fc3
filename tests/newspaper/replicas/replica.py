"""A replica: URLs and pages of one newspaper, its true rows, and a server that plays it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ..http_messages import HTML, JSON, TEXT, XML, Request, Response
from ..server import serving
from . import families, markup, own_systems
from .piece import STORIES, Piece, compose

Rows = list[tuple[str, Piece]]


@dataclass
class Replica:
    """A newspaper of thirty stories.

    :param path: path of a story
    :param article: page of a story, from the story, its URL and the URL of its picture
    :param listings: pages that link to all stories, by path
    :param lists: for each ranked list, the page that shows it and the first and last place of its rows among all
    :param absent: columns that the site's pages do not show
    :param shown: columns that the pages show otherwise
    :param section_from_page: the section is printed on the page and not in the URL
    """

    name: str
    host: str
    idents: list[str]
    sections: dict[str, str]
    path: Callable[[Piece], str]
    article: Callable[[Piece, str, str], bytes]
    listings: dict[str, Callable[[Rows], bytes]]
    lists: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    shown: Callable[[Piece], dict[str, Any]] = lambda piece: {}
    section_from_page: bool = False
    edition: Callable[[Piece], str | None] = lambda piece: None
    robots: str = "User-agent: *\nAllow: /\n"
    hours: float = 6
    feeds: Sequence[str] = ()
    sitemaps: Sequence[str] = ()
    log: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pieces = compose(self.name, self.idents, self.sections, self.hours)
        self._by_path = {unquote(self.path(piece)): piece for piece in self.pieces}

    def url(self, piece: Piece) -> str:
        return f"https://{self.host}{quote(self.path(piece), safe='/:')}"

    def image(self, piece: Piece) -> str:
        return f"https://cdn.{self.name}.test/media/{piece.picture}.jpg"

    @property
    def rows(self) -> Rows:
        """URL and story, newest first."""
        return [(self.url(piece), piece) for piece in reversed(self.pieces)]

    def page(self, piece: Piece) -> bytes:
        return self.article(piece, self.url(piece), self.image(piece))

    def truth(self, piece: Piece) -> dict[str, Any]:
        """The columns of `stories` that a page of the site shows."""
        columns = {
            "story_id": f"{self.name}:{piece.ident}",
            "url": self.url(piece),
            "section": piece.section_title if self.section_from_page else piece.section,
            "headline": piece.headline,
            "kicker": piece.kicker,
            "subtitle": piece.subtitle,
            "authors": [*piece.authors],
            "published_at": piece.published.astimezone(UTC),
            "updated_at": piece.updated and piece.updated.astimezone(UTC),
            "edition": self.edition(piece),
            "image_url": self.image(piece),
            "image_caption": piece.caption,
            "body": "\n\n".join(piece.paragraphs),
            "tags": [*piece.tags],
        }
        return columns | dict.fromkeys(self.absent) | self.shown(piece)

    def ranked(self, name: str) -> list[tuple[int, str, str]]:
        """Rank, story and headline of each row of a ranked list."""
        _, first, last = self.lists[name]
        return [
            (rank, f"{self.name}:{piece.ident}", piece.headline)
            for rank, (_, piece) in enumerate(self.rows[first:last], start=1)
        ]

    def answer(self, host: str, target: str) -> Response:
        path, entries = unquote(urlsplit(target).path), self.rows[::-1]
        if path == "/robots.txt":
            return Response(200, self.robots.encode(), {"Content-Type": TEXT})
        if host != self.host:
            return Response(404, b"<html><body>-</body></html>", {"Content-Type": HTML})
        if path in self._by_path:
            return Response(200, self.page(self._by_path[path]), {"Content-Type": HTML})
        if path in self.feeds or path in self.sitemaps:
            body = markup.feed(entries) if path in self.feeds else markup.sitemap(entries)
            return Response(200, body, {"Content-Type": XML})
        if path in self.listings or path == "/":
            body = self.listings.get(path, _links)(self.rows)
            return Response(200, body, {"Content-Type": JSON if body[:1] in (b"{", b"[") else HTML})
        return Response(404, "<html><body>পাওয়া যায়নি</body></html>".encode(), {"Content-Type": HTML})

    def serve(self) -> AbstractContextManager[str]:
        return serving(lambda host, target, _: (self.answer(host, target), 0.0), lambda: datetime.now(UTC), self.log)


def _numbers(first: int) -> list[str]:
    return [str(first + 3 * number) for number in range(STORIES)]


def _codes(length: int, letters: str, start: str = "", end: str = "") -> list[str]:
    rng = Random(letters)
    return [start + "".join(rng.choices(letters, k=length)) + end for _ in range(STORIES)]


def _links(rows: Rows) -> bytes:
    """A front page without lists, which links to the five newest stories."""
    return markup.page("প্রচ্ছদ", "".join(f'<h2><a href="{url}">{piece.headline}</a></h2>' for url, piece in rows[:5]))


_SECTIONS = {"national": "জাতীয়", "politics": "রাজনীতি", "sports": "খেলা"}
_PRINT = {"tp-firstpage": "প্রথম পাতা", "national": "জাতীয়"}
_SLUG = "abcdefghijklmnopqrstuvwxyz0123456789"


def _always_modified(piece: Piece) -> dict[str, Any]:
    """A page whose JSON-LD has a time of change also where the story was never changed."""
    return {"updated_at": (piece.updated or piece.published).astimezone(UTC)}


def _one_line(piece: Piece) -> dict[str, Any]:
    """A page whose byline is one text, in which a comma may also stand between a name and a place."""
    return {"authors": [", ".join(piece.authors)]}


def _printed(piece: Piece) -> str | None:
    return piece.edition


REPLICAS = {
    each.name: each
    for each in (
        Replica(
            name="ittefaq",
            host="www.ittefaq.com.bd",
            idents=_numbers(804901),
            sections=_SECTIONS,
            path=lambda p: f"/{p.ident}/{p.slug}",
            article=families.jadewits,
            shown=_always_modified,
            listings={"/latest-news": lambda rows: families.jadewits_list(rows, 476)},
            lists={"latest": ("/latest-news", 0, STORIES)},
            absent=("subtitle",),
            section_from_page=True,
            robots="User-agent: *\nAllow: /\nDisallow: /api/\nDisallow: /login\n",
            feeds=("/feed/", "/feed"),
            sitemaps=("/news-sitemap.xml",),
        ),
        Replica(
            name="banglatribune",
            host="www.banglatribune.com",
            idents=_numbers(961601),
            sections={"national": "জাতীয়", "country/rajshahi": "রাজশাহী"},
            path=lambda p: f"/{p.section}/{p.ident}/{p.slug}",
            article=families.jadewits,
            shown=_always_modified,
            listings={"/আজকের-খবর": lambda rows: families.jadewits_list(rows, 10950)},
            lists={"latest": ("/আজকের-খবর", 0, STORIES)},
            absent=("subtitle",),
            feeds=("/feed/", "/feed"),
        ),
        Replica(
            name="samakal",
            host="samakal.com",
            idents=_numbers(368901),
            sections=_SECTIONS,
            path=lambda p: f"/{p.section}/article/{p.ident}/{p.slug}",
            article=families.samakal,
            shown=lambda p: _one_line(p) | _always_modified(p),
            listings={"/latest/news": families.samakal_list},
            lists={"latest": ("/latest/news", 0, STORIES)},
            absent=("subtitle",),
            feeds=("/rss",),
        ),
        Replica(
            name="bdnews24",
            host="bangla.bdnews24.com",
            idents=_codes(12, "0123456789abcdef"),
            sections={"bangladesh": "বাংলাদেশ", "lifestyle/horoscope": "রাশিফল"},
            path=lambda p: f"/{p.section}/{p.ident}",
            article=families.bdnews24,
            shown=_one_line,
            listings={"/archive": families.bdnews24_list},
            lists={"latest": ("/archive", 0, STORIES)},
            absent=("image_caption", "tags", "updated_at"),
        ),
        Replica(
            name="jugantor",
            host="www.jugantor.com",
            idents=_numbers(1138301),
            sections=_PRINT,
            path=lambda p: f"/{p.section}/{p.ident}",
            article=families.laravel_ajax,
            listings={"/latest": families.laravel_ajax_list},
            edition=_printed,
            robots="User-agent: *\nAllow: /\nDisallow: /ajax/*\n",
            sitemaps=("/news_sitemap.xml",),
        ),
        Replica(
            name="prothomalo",
            host="www.prothomalo.com",
            idents=_codes(9, _SLUG, end="7"),
            sections={"bangladesh/district": "জেলা", "opinion": "মতামত"},
            path=lambda p: f"/{p.section}/{p.ident}",
            article=families.quintype,
            shown=_always_modified,
            listings={
                "/collection/latest": families.quintype_list,
                "/api/v1/collections/mostread": lambda rows: families.quintype_api(rows[5:15]),
            },
            lists={"latest": ("/collection/latest", 0, 5), "popular": ("/api/v1/collections/mostread", 5, 15)},
            absent=("subtitle",),
            feeds=("/feed/", "/feed", "/stories.rss"),
        ),
        Replica(
            name="kalerkantho",
            host="www.kalerkantho.com",
            idents=_numbers(1708101),
            sections={"online/national": "জাতীয়", "print-edition/last-page": "শেষের পাতা"},
            path=lambda p: f"/{p.section}/{p.published:%Y/%m/%d}/{p.ident}",
            article=own_systems.kalerkantho,
            shown=_one_line,
            listings={},
            edition=lambda p: "print" if p.section.startswith("print") else "online",
            absent=("kicker", "subtitle", "tags"),
            feeds=("/rss.xml",),
        ),
        Replica(
            name="jagonews24",
            host="www.jagonews24.com",
            idents=_numbers(1149501),
            sections=_SECTIONS,
            path=lambda p: f"/{p.section}/news/{p.ident}",
            article=own_systems.jagonews24,
            listings={"/": own_systems.jagonews24_list},
            lists={"latest": ("/", 0, 9), "popular": ("/", 9, 14)},
            absent=("kicker", "subtitle"),
            feeds=("/rss/rss.xml",),
        ),
        Replica(
            name="dhakapost",
            host="www.dhakapost.com",
            idents=_numbers(432401),
            sections=_SECTIONS,
            path=lambda p: f"/{p.section}/{p.ident}",
            article=own_systems.dhakapost,
            shown=_always_modified,
            listings={"/latest-news": own_systems.dhakapost_list},
            lists={"latest": ("/latest-news", 0, 5)},
            absent=("kicker", "subtitle"),
            feeds=("/rss/rss.xml",),
        ),
        Replica(
            name="anandabazar",
            host="www.anandabazar.com",
            idents=_numbers(1626801),
            sections={"west-bengal/kolkata": "কলকাতা", "india": "দেশ"},
            path=lambda p: f"/{p.section}/story-{p.number}-{'prnt' if p.edition == 'print' else 'dgtl'}/cid/{p.ident}",
            article=own_systems.anandabazar,
            shown=lambda p: _one_line(p) | _always_modified(p),
            listings={"/india": own_systems.anandabazar_list},
            edition=_printed,
            absent=("kicker", "tags"),
            hours=5.5,
            sitemaps=("/news-sitemap.xml",),
        ),
        Replica(
            name="bbcbangla",
            host="www.bbc.com",
            idents=_codes(10, _SLUG, start="c", end="o"),
            sections={"": "বাংলাদেশ", "-": "রাজনীতি"},
            path=lambda p: f"/bengali/articles/{p.ident}",
            article=own_systems.bbcbangla,
            shown=lambda p: {"authors": [p.authors[0]]},
            listings={"/bengali/popular/read": own_systems.bbcbangla_list},
            lists={"popular": ("/bengali/popular/read", 0, 5)},
            absent=("kicker", "subtitle", "updated_at"),
            section_from_page=True,
        ),
    )
}
