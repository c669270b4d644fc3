"""Ground truth of the newspaper at a time, derived from the stories, never read back from pages."""

from dataclasses import dataclass
from datetime import UTC, datetime

from .decoy_urls import SITE, ExpectedOutcome, decoy_expectation
from .site_state import Entry, SiteState
from .stories import Story

_GONE = {
    "404": ExpectedOutcome(frozenset({"gone"}), "taken down; answers 404"),
    "410": ExpectedOutcome(frozenset({"gone"}), "taken down; answers 410"),
    "home": ExpectedOutcome(frozenset({"redirected", "gone", "not_a_story"}), "taken down; redirects to the home page"),
}


@dataclass(frozen=True)
class StoryTruth:
    """Columns of `stories` that come from a story's page, and further facts for tests.

    `language` is bn or en; `revision` counts the states so far; `doors` are the names of the lists, feeds and listings
    with the story; `addresses` are all spellings of its URL there, also the URL before a move (it redirects);
    `variations` are the traits and the kind of its page; `copies` and `near` are the ids of other stories with the same
    and with nearly the same words.
    """

    story_id: str
    url: str
    section: str
    headline: str
    kicker: str | None
    byline: str | None
    published_at: datetime | None
    updated_at: datetime | None
    edition: str | None
    agency: str | None
    image_url: str | None
    image_caption: str | None
    image_credit: str | None
    body: str
    tags: tuple[str, ...]
    language: str
    revision: int
    doors: frozenset[str]
    addresses: frozenset[str]
    variations: frozenset[str]
    copies: frozenset[str]
    near: frozenset[str]


def identity(number: int) -> str:
    """Return the `story_id` of an id."""
    return f"kalbela:{number}"


def truth_of(view: SiteState) -> dict[str, StoryTruth]:
    """Return the ground truth of every story on a list, feed or listing, by `story_id`."""
    doors: dict[int, set[str]] = {}
    addresses: dict[int, set[str]] = {}
    for door, entries in view.doors.items():
        place = door.partition("/")[0]
        for entry in entries:
            doors.setdefault(entry.slot.number, set()).add(place)
            href = sitemap_url(entry) if place == "sitemap" else entry.href(place)
            addresses.setdefault(entry.slot.number, set()).add(href)
    families = _families(view)
    return {
        identity(number): _truth(view, story, frozenset(doors[number]), frozenset(addresses[number]), families)
        for number, story in ((story.number, story) for story in view.stories)
    }


def copies_of(view: SiteState) -> dict[str, frozenset[str]]:
    """Return for each story with exact duplicates the ids of all of them; a crawl must keep one."""
    return {
        identity(number): frozenset(map(identity, family))
        for (kind, number), family in _families(view).items()
        if kind == "copies" and len(family) > 1
    }


def expectations_of(view: SiteState) -> dict[str, ExpectedOutcome]:
    """Return the expected outcome of each linked URL without a story."""
    found = {
        entry.href_of_decoy: decoy_expectation(entry.slot.decoy)
        for entry in view.entries
        if entry.href_of_decoy and entry.slot.decoy
    }
    for entry in view.removed:
        if entry.slot.removed:
            found[entry.href("sitemap")] = _GONE[entry.slot.removed[1]]
    return found


def sitemap_url(entry: Entry) -> str:
    """Return the URL in monthly sitemaps: the first one, also of a moved story."""
    return f"{SITE}/{entry.slot.section}/{entry.slot.number}" if entry.story else entry.href("sitemap")


def _families(view: SiteState) -> dict[tuple[str, int], set[int]]:
    """Return sets of ids with the same words (`copies`) and nearly the same (`near`), by each id in them."""
    families: dict[tuple[str, int], set[int]] = {}
    present = {story.number for story in view.stories}
    for story in view.stories:
        source = story.slot.source
        if source is None or source.number not in present or story.slot.kind == "same headline":
            continue
        kind = "copies" if story.slot.kind == "copy" else "near"
        family = families.get((kind, source.number), {source.number}) | {story.number}
        families.update({(kind, number): family for number in family})
    return families


def _truth(
    view: SiteState,
    story: Story,
    doors: frozenset[str],
    addresses: frozenset[str],
    families: dict[tuple[str, int], set[int]],
) -> StoryTruth:
    state, picture = story.state(view.now), story.picture
    dated = story.slot.kind not in ("no meta", "bad date")
    relatives = {
        kind: frozenset(identity(n) for n in families.get((kind, story.number), set()) - {story.number})
        for kind in ("copies", "near")
    }
    return StoryTruth(
        story_id=identity(story.number),
        url=story.url(view.now),
        section=story.section(view.now),
        headline=state.headline,
        kicker=story.kicker,
        byline=story.byline,
        published_at=_minute(story.published) if dated else None,
        updated_at=_minute(state.updated) if dated and state.updated else None,
        edition=story.edition,
        agency=story.agency,
        image_url=picture.url if picture else None,
        image_caption=picture.caption if picture else None,
        image_credit=picture.credit if picture else None,
        body=state.body,
        tags=story.tags,
        language="en" if story.slot.kind == "english" else "bn",
        revision=state.revision,
        doors=doors,
        addresses=addresses,
        variations=story.traits | ({story.slot.kind} if story.slot.kind else set()),
        copies=relatives["copies"],
        near=relatives["near"],
    )


def _minute(moment: datetime) -> datetime:
    """Round a time to the minute, as pages do, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
