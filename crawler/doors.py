"""Doors: the ways into a newspaper beside its seeds, as the site's file declares them."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is behind a door, and so how it is read."""

    PAGE = "page"
    FEED = "feed"
    SITEMAP = "sitemap"


@dataclass(frozen=True, kw_only=True)
class Door:
    """One way in, or several of the same kind.

    :param name: what `stories.discovered_via` and `fetches.via` say
    :param paths: addresses below the site's origin; none where others name them (a page's head, robots.txt)
    :param more: how a listing goes on, if it does
    :param most: how many entries of one feed or sitemap are followed, newest first
    :param pulse: whether a pulse goes through it too, every time; other doors are opened by a sweep, when they are due
    """

    name: str
    kind: Kind = Kind.PAGE
    paths: tuple[str, ...] = ()
    more: "More | None" = None
    most: int = 1000
    pulse: bool = False


@dataclass(frozen=True, kw_only=True)
class More:
    """A listing that goes on: in fragments that a button asks for, or on the pages that it links to itself.

    It is followed until known ground is reached: a page that names nothing which is new to this run, and something that
    was known before.

    :param button: selector of the button, which names the list; empty where there is none
    :param attribute: its attribute with the list's id
    :param path: address of a fragment, with `{id}` and `{page}`
    :param first: number of the first fragment; where it is not known which one follows the page, the page's own
    :param most: how many fragments or further pages are asked for at the most
    """

    button: str = ""
    attribute: str = ""
    path: str = ""
    first: int = 1
    most: int = 20
