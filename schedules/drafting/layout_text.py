"""Text of a drafted layout: a field per line, with the number of stories on which each extractor found something."""

import re
from collections.abc import Iterator, Mapping, Sequence

from schedules.drafting.site_file import comment_lines, literal

_FIELDS: tuple[str, ...] = (
    "title",
    "headline",
    "section",
    "kicker",
    "subtitle",
    "authors",
    "dates",
    "published",
    "updated",
    "image",
)
_FIELDS += ("caption", "body", "story_container", "promo", "tags")
_LOOKED_FOR = ("kicker", "subtitle", "authors", "image", "caption", "tags")
_ONE_SELECTOR = ("story_container", "tags")
_WIDTH = 114


def layout_lines(
    name: str, drafted: Mapping[str, Mapping[str, int]], structured: Mapping[str, int], stories: int, *, section: bool
) -> Iterator[str]:
    """Yield the lines of a layout.

    :param drafted: source text of the extractors of each field, with the number of pages
    :param structured: number of pages for each name in `crawler.cms.structured_data`
    :param section: the URL has no section
    """
    yield "LAYOUT = Layout("
    yield f"    name={literal(name)},"
    for field in _FIELDS:
        if field == "section" and not section:
            continue
        extractors = dict(drafted.get(field, {}))
        if field.upper() in structured:
            extractors[f"*data.{field.upper()}"] = structured[field.upper()]
        if extractors:
            counts = ", ".join(f"{count} of {stories} stories" for count in extractors.values())
            yield from (f"    {line}" for line in comment_lines(f"found on {counts}", _WIDTH))
            yield from _assignment(field, [*extractors])
        elif field in _LOOKED_FOR:
            yield f"    # TO DO: no {field} was found; add it if the newspaper has one"
    if excluded := drafted.get("exclude"):
        yield from (
            f"    {line}"
            for line in comment_lines("the texts of several stories have the same in these elements", _WIDTH)
        )
        names = ", ".join(excluded)
        yield f'    exclude={literal(names)} + f", {{data.ADVERTS}}",'
    else:
        yield "    exclude=data.ADVERTS,"
    expected = [column for column, field in _EXPECTED.items() if stories in _counts(field, drafted, structured)]
    if expected:
        yield f"    # found on all of {stories} stories; an alarm if the first run lacks one"
        yield f"    expected=frozenset(({', '.join(map(literal, expected))},)),"
    yield ")"


_EXPECTED = {"byline": "authors", "image_url": "image"}


def _counts(field: str, drafted: Mapping[str, Mapping[str, int]], structured: Mapping[str, int]) -> tuple[int, ...]:
    return (*drafted.get(field, {}).values(), structured.get(field.upper(), 0))


def _assignment(field: str, extractors: Sequence[str]) -> Iterator[str]:
    if field in _ONE_SELECTOR:
        yield f"    {field}={extractors[0]},"
        return
    line = f"    {field}=({', '.join(extractors)}{',' if len(extractors) == 1 else ''}),"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"    {field}=("
    yield from (f"        {each}," for each in extractors)
    yield "    ),"


def layout_imports(lines: Sequence[str]) -> set[str]:
    """Return the import lines that a layout needs."""
    code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    used = [name for name in ("attribute", "css") if re.search(rf"\b{name}\(", code)]
    return {
        "from crawler.parsing.layout import Layout",
        "from crawler.cms import structured_data as data",
        f"from crawler.parsing.extractors import {', '.join(used)}",
    }
