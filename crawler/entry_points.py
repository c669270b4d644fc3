"""Doors: the ways into a newspaper beside its seeds, as the site's file declares them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
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
    :param incremental: whether an incremental run goes through it too, every time; other doors are opened by a full
    run, when they are due
    """

    name: str
    kind: Kind = Kind.PAGE
    paths: tuple[str, ...] = ()
    more: "More | None" = None
    most: int = 1000
    incremental: bool = False


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


@dataclass(frozen=True, kw_only=True)
class Onward:
    """How far behind its door a request is.

    :param page: number of the page of a listing that links to its own pages
    :param fragment: number of the fragment, where a button asks for them; ``listing`` is the id that it asks with
    :param before: keys of the stories on the page or fragment before
    :param nested: how many sitemaps named each other on the way
    """

    page: int = 1
    fragment: int | None = None
    listing: str | None = None
    before: tuple[str, ...] = ()
    nested: int = 0


def written(door: Door, onward: Onward) -> str:
    """A request behind a door, as whoever is to ask for it later keeps it."""
    return json.dumps({"door": door.name, "kind": door.kind, **asdict(onward)})


def read_back(text: str, doors: Iterable[Door]) -> tuple[Door, Onward] | None:
    """What :func:`written` kept; None where there is no such door any more."""
    told = json.loads(text)
    named = told.pop("door"), told.pop("kind")
    door = next((door for door in doors if (door.name, door.kind) == named), None)
    return None if door is None else (door, Onward(**{**told, "before": tuple(told["before"])}))
