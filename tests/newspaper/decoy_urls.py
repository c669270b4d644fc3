"""Decoys among the stories: URLs that only look like stories, and stories whose pages fail."""

from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import quote

SITE: Final = "https://www.kalbela.com"
ARCHIVE: Final = "https://archive.kalbela.com"


@dataclass(frozen=True)
class ExpectedOutcome:
    """Allowed outcomes of a URL without a story, and the reason."""

    outcomes: frozenset[str]
    reason: str


@dataclass(frozen=True)
class _Kind:
    href: str
    outcomes: str
    reason: str


_STORY = SITE + "/{section}/{number}"
_KINDS: Final = {
    "video": _Kind(SITE + "/video-gallery/news/{small}", "not_a_story", "a video; its address ends in digits"),
    "video with slug": _Kind(SITE + "/video-gallery/news/{small}/{slug}", "not_a_story", "a video"),
    "video story": _Kind(SITE + "/video-stories/{small}", "not_a_story", "a video; its address ends in digits"),
    "photo story": _Kind(SITE + "/photo-stories/{small}", "not_a_story", "pictures; the address ends in digits"),
    "photo gallery": _Kind(SITE + "/photo-gallery/others/{small}", "not_a_story", "pictures"),
    "poll": _Kind(SITE + "/opinion-poll/{slug}/{small}", "not_a_story", "an opinion poll"),
    "search": _Kind(SITE + "/search/google/?q={slug}&cx=partner-pub-0", "robots not_a_story", "results of a search"),
    "print page": _Kind(SITE + "/print/{number}/{slug}", "not_a_story", "the printer's version of a story"),
    "section": _Kind(SITE + "/special", "list not_a_story", "a section's own page, listed like a story"),
    "archive": _Kind(ARCHIVE + "/country-news/{number}", "offsite not_a_story", "the archive has a counter of its own"),
    "offsite": _Kind("https://www.example.com/world/{number}", "offsite", "somebody else's page"),
    "broken href": _Kind("http://[", "invalid_url", "not an address"),
    "javascript href": _Kind("javascript:void(0);", "invalid_url not_a_story", "not an address that can be asked for"),
    "pdf": _Kind(SITE + "/assets/epaper/{number}.pdf", "wrong_type not_a_story", "a document"),
    "too many connections": _Kind(_STORY, "soft_error", "an error of the database with status 200"),
    "sqlstate": _Kind(_STORY, "soft_error", "an error of the database with status 200"),
    "soft 404": _Kind(_STORY, "soft_error gone not_a_story rejected", "‘not found’ with status 200"),
    "challenge": _Kind(_STORY, "blocked", "a challenge to prove oneself human, status 403"),
    "challenge 200": _Kind(_STORY, "blocked soft_error", "the same challenge with status 200"),
    "cut off": _Kind(_STORY, "corrupt", "the connection ends in the middle of the page"),
    "no text": _Kind(_STORY, "rejected not_a_story", "a story's page with a headline and a picture but no text"),
    "dead": _Kind(_STORY, "gone", "a listed story that is not there"),
    "loop": _Kind(_STORY, "redirect_loop", "an address that redirects to itself"),
}
DECOYS: Final = tuple(_KINDS)
# Decoys that enter the popular list soon after publication.
LOUD: Final = {"video", "video with slug", "poll", "broken href", "javascript href", "offsite", "too many connections"}


def decoy_href(kind: str, number: int, section: str, slug: str) -> str:
    """Return the URL of a decoy in lists and feeds."""
    small = Random(f"{kind}/{number}").randint(200, 9000)
    return _KINDS[kind].href.format(number=number, section=section, slug=quote(slug.replace(" ", "-")), small=small)


def decoy_expectation(kind: str) -> ExpectedOutcome:
    return ExpectedOutcome(frozenset(_KINDS[kind].outcomes.split()), _KINDS[kind].reason)
