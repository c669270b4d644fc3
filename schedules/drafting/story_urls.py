"""Form of a site's story URLs, found from links: which part is the publisher's id, and the pattern around it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from schedules.drafting.path_patterns import PathSplit, is_in_date, path_pattern

#: Distinct ids of one form that a site's links must have.
MIN_IDS = 3
_MIN_TITLE = 12  # characters of a link that may be a headline
_TRUSTED = 3  # weight of a URL from a feed or sitemap, which list hardly anything but stories
#: First path segments of pages that are not stories, although they may have an id.
OTHER_KINDS = frozenset(
    (
        "video",
        "videos",
        "video-gallery",
        "video-stories",
        "photo",
        "photos",
        "photo-stories",
        "gallery",
        "photo-gallery",
    )
    + ("photo-feature", "picture", "pictures", "poll", "opinion-poll", "podcast", "audio", "topic", "topics", "tag")
    + ("tags", "author", "authors", "writer", "archive", "archives", "page", "search", "login", "register", "epaper")
    + ("print",)
)
_EXTENSION = r"\.(?:html?|php|aspx?|details|cms|ece)"


class Kind(NamedTuple):
    """One form of id: the pattern of its path segment and of the id in it, and a description."""

    segment: re.Pattern[str]
    written: str
    meaning: str


#: From the most to the least trustworthy form; a slug is no id, so it is the last resort.
KINDS = (
    Kind(re.compile(r"\A(?P<id>[0-9]{3,19})\Z"), "(?P<id>[0-9]{3,}+)", "a number"),
    Kind(
        re.compile(rf"\A(?P<id>[0-9]{{3,19}}){_EXTENSION}\Z"),
        r"(?P<id>[0-9]{3,}+)\.[a-z]++",
        "a number with an extension",
    ),
    Kind(re.compile(r"\A(?P<id>[0-9]{4,19})-"), "(?P<id>[0-9]{4,}+)-[^/]++", "a number before a slug"),
    Kind(
        re.compile(rf"(?<=[-_])(?P<id>[0-9]{{4,19}}+)(?:{_EXTENSION})?\Z"),
        r"[^/]*?[-_](?P<id>[0-9]{4,})(?:\.[a-z]++)?",
        "a number after a slug",
    ),
    Kind(
        re.compile(r"\A(?=[0-9]{0,39}[a-f])(?=[a-f]{0,39}[0-9])(?P<id>[0-9a-f]{12,40})\Z"),
        "(?P<id>[0-9a-f]{12,40})",
        "a hash",
    ),
    Kind(
        re.compile(r"\A(?=[a-z]{0,13}[0-9])(?=[0-9]{0,13}[a-z])(?P<id>[a-z0-9]{8,14})\Z"),
        "(?P<id>(?=[a-z]*[0-9])[a-z0-9]{8,14})",
        "a random code",
    ),
    Kind(
        re.compile(
            r"\A(?P<id>[a-z0-9]++(?:-[a-z0-9]++){2,}+|(?=[^-]*+-)(?=[\x00-\x7f]*+[^\x00-\x7f]).++)\Z", re.DOTALL
        ),
        "(?P<id>[^/]*-[^/]*)",
        "only a slug, which changes when the headline does",
    ),
)
SLUG = KINDS[-1]


@dataclass(frozen=True)
class Link:
    """A link on one of the pages: its URL on the site, its text, and if it comes from a feed or sitemap."""

    url: str
    text: str = ""
    is_entry: bool = False

    @property
    def is_headline(self) -> bool:
        return self.is_entry or len(self.text) >= _MIN_TITLE


@dataclass(frozen=True)
class StoryUrls:
    """The drafted `story_path` of a site.

    :ivar pattern: regular expression of the path, with the groups `id` and perhaps `section`
    :ivar parameter: query parameter that holds the id, if the path does not
    :ivar kind: description of the id
    :ivar ids: ids by URL, of the links that the pattern was made from, in the order of the pages
    :ivar headlines: number of links that look like headlines, whatever their URLs
    :ivar unlike: URLs of some of them that the pattern does not match
    """

    pattern: str
    parameter: str
    kind: str
    ids: dict[str, str]
    headlines: int
    unlike: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return "number" in self.kind

    @property
    def is_slug(self) -> bool:
        return self.kind == SLUG.meaning

    @property
    def has_section(self) -> bool:
        return "<section>" in self.pattern


def find_story_urls(links: Iterable[Link]) -> StoryUrls | None:
    """Return the form of the URLs that most headlines lead to, or None if there is none with several ids."""
    candidates = {link.url: link for link in links if link.is_headline and not _is_other_kind(link.url)}
    splits: dict[Kind | str, dict[str, PathSplit]] = defaultdict(dict)
    for url in candidates:
        for form, split in _splits(url):
            splits[form].setdefault(url, split)

    def weight(form: Kind | str) -> float:
        by_id = {split.ident: candidates[url] for url, split in splits[form].items()}
        sum_ = sum(_TRUSTED if link.is_entry else 1 for link in by_id.values())
        return sum_ * (0.5 if form is SLUG else 1)

    forms = [form for form in splits if len({each.ident for each in splits[form].values()}) >= MIN_IDS]
    if not forms:
        return None
    best = max(forms, key=lambda form: (weight(form), -KINDS.index(form) if isinstance(form, Kind) else -len(KINDS)))
    found = splits[best]
    after = Counter(split.after for split in found.values()).most_common(1)[0][0]
    found = {url: split for url, split in found.items() if abs(split.after - after) <= 1}
    unlike = tuple(url for url in candidates if url not in found)
    written = best.written if isinstance(best, Kind) else ""
    if len(lengths := {len(split.ident) for split in found.values()}) == 1:  # of a hash or code
        written = re.sub(r"\{\d+,\d+\}", f"{{{min(lengths)}}}", written)
    pattern = path_pattern([*found.values()], written)
    return StoryUrls(
        pattern=pattern,
        parameter="" if isinstance(best, Kind) else best,
        kind=best.meaning if isinstance(best, Kind) else f"a number in the query parameter {best}",
        ids={url: split.ident for url, split in found.items()},
        headlines=len(candidates),
        unlike=unlike,
    )


def first_segment(url: str) -> str:
    return unquote(urlsplit(url).path).strip("/").partition("/")[0].lower()


def _is_other_kind(url: str) -> bool:
    return first_segment(url) in OTHER_KINDS or "/cdn-cgi/" in url


def _splits(url: str) -> Iterator[tuple[Kind | str, PathSplit]]:
    """Yield each possible id of a URL, with its form; a query parameter stands for itself."""
    parts = urlsplit(url)
    segments = [segment for segment in unquote(parts.path).split("/") if segment]
    for place, segment in enumerate(segments):
        if is_in_date(segments, place):
            continue
        for kind in KINDS:
            is_place = kind is not SLUG or place == len(segments) - 1
            if is_place and (match := kind.segment.search(segment)):
                yield kind, PathSplit(tuple(segments[:place]), match["id"], len(segments) - 1 - place)
                break
    for name, value in parse_qsl(parts.query):
        if re.fullmatch("[0-9]{2,19}", value) and re.fullmatch(r"[A-Za-z_]{1,20}", name):
            yield name, PathSplit(tuple(segments), value, 0)
