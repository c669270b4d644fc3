"""Data of a Quintype site: ids, story JSON, JSON-LD and the text elements of a body."""

import string
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from ..paper import Paper, View
from ..schedule import House
from ..story import State, Story
from ..wording import milliseconds, paragraphs_as_html

SIZE = "?w=1200&h=675&auto=format%2Ccompress&fit=max"
_LETTERS = string.ascii_lowercase + string.digits
_SYLLABLES = ("baa", "ke", "shi", "ndo", "mon", "rr", "taal", "er", "jaa", "no", "bi", "dhaa", "ka", "lo", "pu", "sho")


@dataclass(frozen=True)
class QuintypeHouse(House):
    def identify(self, rng: Random, number: int) -> str:
        """Return ten letters and digits, or for one story in twenty romanised words."""
        if rng.random() < 0.05:
            words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))) for _ in range(rng.randint(4, 6))]
            return "-".join(words)
        return "".join(rng.choices(_LETTERS, k=10))


class Quintype(Paper, ABC):
    def image(self, story: Story) -> str:
        return f"https://media.prothomalo.com/{self.image_key(story)}"

    def image_key(self, story: Story) -> str:
        picture = story.picture
        if picture is None:
            return "prothomalo/fallback.jpg"
        folder = "".join(story.rng("picture").choices(_LETTERS, k=8))
        return f"prothomalo-bangla/{picture.taken:%Y-%m-%d}/{folder}/{picture.name}.jpg"

    def items(self, stories: Sequence[Story], view: View) -> list[dict[str, Any]]:
        """Return stories as a collection lists them."""
        return [{"id": _uuid(story), "type": "story", "story": self.story_data(story, view)} for story in stories]

    def story_data(self, story: Story, view: View) -> dict[str, Any]:
        state, section = story.at(view.at), story.section
        return {
            "id": _uuid(story),
            "headline": state.headline,
            "subheadline": story.kicker,
            "slug": self.path_of(story).strip("/"),
            "url": self.url_of(story),
            "published-at": milliseconds(state.updated or story.published),
            "first-published-at": milliseconds(story.published),
            "last-published-at": milliseconds(state.updated or story.published),
            "sections": [{"slug": section.path.rpartition("/")[2], "name": section.name, "id": len(section.path)}],
            "tags": [{"name": tag, "slug": tag.replace(" ", "-"), "tag-type": "Entity"} for tag in story.tags],
            "authors": [{"name": name, "slug": name.replace(" ", "-")} for name in story.authors],
            "story-template": "text",
            "access": None,
            "hero-image-s3-key": self.image_key(story) if story.picture else None,
            "metadata": {"story-attributes": {"edition": [story.edition]}},
        }

    def json_ld(self, story: Story, state: State) -> dict[str, Any]:
        """Return the keys that the blocks Article and NewsArticle share."""

        def date(moment: datetime) -> str:
            if self.varies(story, "Z dates in JSON-LD"):
                return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return moment.isoformat(timespec="seconds")

        image = {"@type": "ImageObject", "url": self.image(story) + SIZE, "width": "1200", "height": "675"}
        groups = [
            paragraphs_as_html([text for _, texts in group for text in texts]) for group in elements(story, state)
        ]
        authors = [
            {"@type": "Person", "givenName": n, "name": n, "url": f"{self.site}/author/{n}"} for n in story.authors
        ]
        return {
            "@context": "http://schema.org",
            "headline": state.headline,
            "name": state.headline,
            "image": image,
            "url": self.url_of(story),
            "datePublished": date(story.published),
            "dateModified": date(state.updated or story.published),
            "dateCreated": date(story.published),
            "author": authors,
            "keywords": ",".join(story.tags),
            "thumbnailUrl": image["url"],
            "articleBody": ".".join(groups).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
            "isAccessibleForFree": True,
            "articleSection": story.section.name,
            "publisher": {"@type": "NewsMediaOrganization", "name": self.title, "url": self.site},
        }


def elements(story: Story, state: State) -> list[list[tuple[str, list[str]]]]:
    """Return the parts of a body as text elements of one to three parts."""
    rng, parts = story.rng("elements"), iter(state.parts)
    groups = []
    while group := list(islice(parts, rng.randint(1, 3))):
        groups.append(group)
    return groups


def _uuid(story: Story) -> str:
    return str(UUID(int=story.rng("uuid").getrandbits(128), version=4))
