"""Fast search for the many CSS selectors of a layout.

Many of the selectors begin with the same class or id, called the anchor. A page is searched for each anchor once. The
rest of each selector is then applied only to the few elements found.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from selectolax.lexbor import LexborNode

# An anchor, and an element inside it or directly after it.
_ANCHORED = re.compile(r"(?P<anchor>[.#][\w-]+) (?P<beside>\+ )?(?P<rest>[^\s,>+~]+)")
_ANCHOR = re.compile(r"[.#][\w-]+")
_SPACES = re.compile(r"[\t\n\f\r ]+")


def anchor_of(selector: str) -> str | None:
    """Return the class or id with which a selector begins, or None if it does not begin with one."""
    parts = _split(selector)
    return parts[0] if parts else selector if _ANCHOR.fullmatch(selector) else None


def find_anchors(root: LexborNode, names: Iterable[str]) -> dict[str, list[LexborNode]]:
    """Return the elements with each of several classes (`.name`) and ids (`#name`), in document order.

    All names are found in one search, which takes little longer than a search for one name.
    """
    found: dict[str, list[LexborNode]] = {name: [] for name in names}
    lowered = {name.lower() for name in found}
    # The parser lists an element once for each selector that it matches.
    for node in {node.mem_id: node for node in root.css(", ".join(found))}.values():
        attributes = node.attributes
        own = {f".{name}" for name in _SPACES.split(attributes.get("class") or "")}
        own.add(f"#{attributes.get('id')}")
        if any(name not in found and name.lower() in lowered for name in own):
            own = {name for name in found if node.css_matches(name)}  # names ignore case in quirks mode
        for name in own & found.keys():
            found[name].append(node)
    return found


def select(root: LexborNode, selector: str, css: Callable[[str], list[LexborNode]]) -> list[LexborNode]:
    """Return the matches of a selector below ``root``, without repetitions, in document order.

    :param css: function that returns the matches of a class or id, from a cache
    """
    if (parts := _split(selector)) is None:
        return root.css(selector)
    anchor, inside, beside = parts
    regions = css(anchor)
    if beside and len(regions) > 1:  # the element after one may be inside another
        return root.css(selector)
    found = (
        [node for region in regions for node in region.css(inside) if node.mem_id != region.mem_id] if inside else []
    )
    if beside and regions and (following := _next_element(regions[0])) is not None:
        found += [node for node in following.css(beside) if node.mem_id == following.mem_id]
    return [*{node.mem_id: node for node in found}.values()]  # one region may be inside another


@cache
def _split(selector: str) -> tuple[str, str, str] | None:
    """Split a selector into (class or id, selector inside its element, selector of the element directly after it).

    The class or id at the beginning is called the anchor. Return None if the selector has another form.
    """
    matches = [match for part in selector.split(",") if (match := _ANCHORED.fullmatch(part.strip()))]
    if len(matches) <= selector.count(",") or len({match["anchor"] for match in matches}) > 1:
        return None
    inside, beside = (", ".join(m["rest"] for m in matches if bool(m["beside"]) == after) for after in (False, True))
    return matches[0]["anchor"], inside, beside


def _next_element(node: LexborNode) -> LexborNode | None:
    following = node.next
    while following is not None and (following.tag or "").startswith("-"):  # text and comments
        following = following.next
    return following


def self_and_ancestors(node: LexborNode) -> Iterator[LexborNode]:
    current: LexborNode | None = node
    while current is not None:
        yield current
        current = current.parent
