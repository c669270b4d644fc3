"""Searching a page: what several selectors look in is found once, and they look in it and not in the whole page."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from selectolax.lexbor import LexborNode

# An element by its class or id, and one within it, or the one just after it.
_REGION = re.compile(r"(?P<region>[.#][\w-]+) (?P<beside>\+ )?(?P<what>[^\s,>+~]+)")

_LANDMARK = re.compile(r"[.#][\w-]+")
_SPACES = re.compile(r"[\t\n\f\r ]+")


def landmark_of(selector: str) -> str | None:
    """The class or id that a search for a selector begins with, if it begins with one."""
    parts = _parts(selector)
    return parts[0] if parts else selector if _LANDMARK.fullmatch(selector) else None


def landmarks(root: LexborNode, sought: Iterable[str]) -> dict[str, list[LexborNode]]:
    """For each of several classes (`.name`) and ids (`#name`) the elements below ``root``, in the order of the page.

    One search for all of them costs little more than a search for one.
    """
    found: dict[str, list[LexborNode]] = {name: [] for name in sought}
    lowered = {name.lower() for name in found}
    # What several of them match is named by the parser for each.
    for node in {node.mem_id: node for node in root.css(", ".join(found))}.values():
        attributes = node.attributes
        own = {f".{name}" for name in _SPACES.split(attributes.get("class") or "")}
        own.add(f"#{attributes.get('id')}")
        if any(name not in found and name.lower() in lowered for name in own):
            own = {name for name in found if node.css_matches(name)}  # on a page of old it matches in either case
        for name in own & found.keys():
            found[name].append(node)
    return found


def search(root: LexborNode, selector: str, every: Callable[[str], list[LexborNode]]) -> list[LexborNode]:
    """What a selector matches below ``root``, in the order of the page, each once.

    ``every`` does the same and remembers what it found: `.region what` is searched for in the elements that are
    `.region`, which are few.
    """
    if (parts := _parts(selector)) is None:
        return root.css(selector)
    region, inside, beside = parts
    regions = every(region)
    if beside and len(regions) > 1:  # what is beside one may be within another
        return root.css(selector)
    found = [node for each in regions for node in each.css(inside) if node.mem_id != each.mem_id] if inside else []
    if beside and regions and (following := _element_after(regions[0])) is not None:
        found += [node for node in following.css(beside) if node.mem_id == following.mem_id]
    return [*{node.mem_id: node for node in found}.values()]  # a region may be within a region


@cache
def _parts(selector: str) -> tuple[str, str, str] | None:
    """A selector as (region, what is within it, what is just after it), if that is all that it says."""
    found = [_REGION.fullmatch(part.strip()) for part in selector.split(",")]
    named = [part for part in found if part is not None]
    if len(named) < len(found) or len({part["region"] for part in named}) > 1:
        return None
    inside, beside = (", ".join(part["what"] for part in named if bool(part["beside"]) == is_) for is_ in (False, True))
    return named[0]["region"], inside, beside


def _element_after(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and (following.tag or "").startswith("-"):  # text and comments
        following = following.next
    return following


def climb(node: LexborNode) -> Iterator[LexborNode]:
    """The element, what holds it, and so on to the top."""
    climbing: LexborNode | None = node
    while climbing is not None:
        yield climbing
        climbing = climbing.parent
