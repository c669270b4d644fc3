"""Generated site: stories of the bundled newspaper on pages of real size, with their ground truth."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.newspaper import Newspaper, StoryTruth

SEED = 7
HOST = "www.kalbela.com"
ORIGIN = f"https://{HOST}"
STORIES_PER_SITEMAP = 900  # readers may stop at a thousand
_ACCEPTING = {"accept-encoding": "gzip"}
_WITHOUT_STORY = "/about"


@dataclass(frozen=True)
class Pages:
    """One edition of the newspaper without decoys."""

    paper: Newspaper

    @classmethod
    def generated(cls, stories: int, seed: int = SEED) -> "Pages":
        """Generate an edition of at least `stories` stories."""
        return cls(Newspaper(seed, max(stories + 200, 400), decoys=False))

    def paths(self, count: int) -> list[str]:
        """Return the paths of the newest stories, newest first."""
        view = self.paper.site.view
        return [story.path(view.now) for story in view.stories[:count]]

    def listed(self) -> list[str]:
        """Return the paths of the stories in the ranked lists."""
        urls = (row.url for rows in self.paper.lists().values() for row in rows)
        return [url.removeprefix(ORIGIN) for url in urls if url]

    def html(self, path: str) -> bytes:
        """The page at a path."""
        return gzip.decompress(self.compressed(path))

    def compressed(self, path: str) -> bytes:
        """The page at a path, compressed as the site sends it."""
        return self.paper.site.answer(HOST, path, _ACCEPTING).body

    def without_story(self) -> bytes:
        """A page of the site that has the two lists and no story, compressed."""
        return self.compressed(_WITHOUT_STORY)

    def truth(self, paths: list[str]) -> dict[str, StoryTruth]:
        """Return the ground truth of stories by number, without exact duplicates."""
        numbers = {path.rpartition("/")[2] for path in paths}
        every = {story_id.partition(":")[2]: story for story_id, story in self.paper.truth().items()}
        return {number: every[number] for number in sorted(numbers & every.keys()) if not every[number].copies}


def robots(origin: str) -> str:
    """A robots.txt that forbids nothing."""
    return f"User-agent: *\nDisallow: /search/\n\nSitemap: {origin}/sitemap.xml\n"


def sitemaps(origin: str, paths: list[str]) -> Iterator[tuple[str, str]]:
    """An index and its sitemaps, as (path, XML)."""
    chunks = [paths[at : at + STORIES_PER_SITEMAP] for at in range(0, len(paths), STORIES_PER_SITEMAP)]
    names = [f"/sitemap/{number}.xml" for number in range(1, len(chunks) + 1)]
    yield "/sitemap.xml", _sitemap("sitemapindex", "sitemap", [origin + name for name in names])
    for name, chunk in zip(names, chunks, strict=True):
        yield name, _sitemap("urlset", "url", [origin + path for path in chunk])


def _sitemap(root: str, entry: str, urls: list[str]) -> str:
    entries = "".join(f"<{entry}><loc>{escape(url)}</loc></{entry}>\n" for url in urls)
    namespace = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{namespace}">\n{entries}</{root}>\n'
