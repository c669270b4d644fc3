"""Parsing of JSON documents that list stories, and of JSON in the script elements of a page."""

import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

from crawler.bengali.text import parse_integer
from crawler.decoding.charset import decode_text
from crawler.decoding.feed_documents import MAX_ENTRIES
from crawler.entry_points import JsonPath

_MAX_SECONDS = 10**11  # larger numbers are milliseconds


class JsonEntry(NamedTuple):
    """One entry of a JSON document that lists stories.

    :ivar link: URL of the story
    :ivar title: headline, "" if there is none
    :ivar rank: rank in the list, or None
    :ivar modified: date of the last change as an unparsed string, or None
    """

    link: str
    title: str
    rank: int | None
    modified: str | None


def load_json(body: bytes, content_type: str | None = None) -> Any:
    """Return the value of a JSON document, or None if it is not valid JSON."""
    try:
        return json.loads(decode_text(body, content_type).lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        return None


def entries_at(document: Any, where: JsonPath) -> Iterator[JsonEntry]:
    """Yield the entries of a JSON document that have a link, at most 50,000.

    :param where: paths to the entries and to their fields
    """
    for item in islice(_items(document, where.items), MAX_ENTRIES):
        if link := _link(item, where.link):
            title, rank = _first(item, where.title), _first(item, where.rank)
            number = parse_integer(str(rank)) if isinstance(rank, str | int) else None
            yield JsonEntry(link, title if isinstance(title, str) else "", number, _date(_first(item, where.modified)))


def html_at(document: Any, path: str) -> str:
    """Return the HTML string at a path of a JSON document, or "" if there is no string."""
    value = _first(document, path)
    return value if isinstance(value, str) else ""


def strings_at(document: Any, path: str) -> Iterator[str]:
    """Yield the strings at a path of a JSON document, also those in a list at its end."""
    return (value for value in _items(document, path) if isinstance(value, str))


def shape_of(document: Any) -> str:
    """Describe the top level of a JSON document, for an error message about a path that finds nothing in it."""
    if isinstance(document, dict):
        return f"an object with the keys {', '.join(list(map(str, document))[:12]) or '(none)'}"
    return f"a list of {len(document)}" if isinstance(document, list) else "not a JSON object or list"


def _items(document: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path of a JSON document.

    If the value is a list, or an object that contains only objects, its elements are yielded instead.
    """
    for value in _values(document, path):
        if isinstance(value, list):
            yield from value
        elif isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            yield from value.values()
        else:
            yield value


def _values(value: Any, path: str) -> Iterator[Any]:
    found = [value]
    for key in filter(None, path.split(".")):
        if key == "**":
            found = [*_objects(found)]
        elif key == "*":
            found = [each for one in found for each in _children(one)]
        else:
            found = [one[key] for one in found if isinstance(one, dict) and key in one]
    yield from found


def _children(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []


def _objects(values: list[Any]) -> Iterator[Any]:
    """Yield all JSON objects inside the values, at any depth and in document order.

    There is no recursion, because deeply nested input could exceed its limit.
    """
    stack = values[::-1]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
        stack += _children(value)[::-1]


def _first(item: Any, path: str) -> Any:
    return next(_values(item, path), None) if path else None


def _link(item: Any, link: str) -> str:
    if "{" not in link:
        value = _first(item, link)
        return value.strip() if isinstance(value, str) else ""
    names = [name for _, name, _, _ in string.Formatter().parse(link) if name]
    values = {name: _first(item, name) for name in names}
    return link.format_map(values) if all(isinstance(v, str | int) and v != "" for v in values.values()) else ""


def _date(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else None
    seconds = value / 1000 if abs(value) > _MAX_SECONDS else value
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
