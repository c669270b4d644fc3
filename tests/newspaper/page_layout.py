"""Layout of pages: usual, with broken fields, or after a redesign."""

import re
from dataclasses import dataclass, field
from random import Random
from typing import Final

FIELDS: Final = (
    *("headline", "kicker", "byline", "published_at", "updated_at", "edition"),
    *("image_url", "image_caption", "body", "tags", "latest", "popular"),
)
BREAKAGES: Final = ("renamed", "moved", "emptied", "missing")

_CLASS_OR_ID = re.compile(r'\b(class|id|tabIndex)="([^"]*)"')
_TAG = re.compile(r"<(/?)(h[1-6]|p|li|ul|figcaption|figure)\b")
_LABEL = re.compile(r"(প্রকাশ|আপডেট) :")
_TEXT = re.compile(r">[^<]+<")
_PICTURE = re.compile(r'\b(src|data-src|data-original|alt|data-sub-html)="[^"]*"')


@dataclass(frozen=True)
class FieldBreak:
    """One broken field: way, share of pages, and if the page's head loses it too."""

    way: str
    share: float = 1.0
    heads: bool = True


@dataclass
class PageLayout:
    redesigned: bool = False
    breaks: dict[str, FieldBreak] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """Return a text that changes with the layout."""
        return f"{self.redesigned}{sorted(self.breaks.items(), key=str)}" if self.redesigned or self.breaks else ""

    def broken(self, name: str, page: object) -> FieldBreak | None:
        """The break of a field on a page, None where the field is as always."""
        fault = self.breaks.get(name)
        hit = fault is not None and Random(f"{name}/{page}").random() < fault.share
        return fault if hit else None

    def in_head(self, name: str, page: object) -> bool:
        fault = self.broken(name, page)
        return fault is None or not fault.heads

    def place(self, name: str, page: object, html: str) -> str:
        fault = self.broken(name, page)
        if fault is None:
            return html
        match fault.way:
            case "renamed":
                return _renamed(html)
            case "emptied":
                return _PICTURE.sub(r'\1=""', _TEXT.sub("><", html))
        return ""

    def elsewhere(self, page: object, fragments: dict[str, str]) -> str:
        """The markup of all moved fields, for the foot of the page."""
        moved = [name for name in fragments if (fault := self.broken(name, page)) and fault.way == "moved"]
        return "".join(_renamed(fragments[name]) for name in moved)

    def finished(self, html: str) -> str:
        """A whole page; after a redesign every class and id has another name."""
        return _CLASS_OR_ID.sub(_prefixed, html) if self.redesigned else html


def _renamed(html: str) -> str:
    """Return markup with unknown names and tags and without labels."""
    html = _CLASS_OR_ID.sub(lambda match: f'{match[1]}="x{len(match[2])}"', html)
    html = _LABEL.sub("", _TAG.sub(r"<\1section", html))
    return re.sub(r" (style|data-src|data-original)=", r" data-x-\1=", html).replace("<img ", "<x-img ")


def _prefixed(match: re.Match[str]) -> str:
    return f'{match[1]}="{" ".join(f"kb2-{name[::-1]}" for name in match[2].split())}"'
