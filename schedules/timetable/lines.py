"""Lines: where each key of a TOML text is written, which its parser does not tell."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

#: The keys that lead to a value, outermost first.
Place = tuple[str, ...]


def lines_of(text: str) -> dict[Place, int]:
    """The line where each key of a readable TOML text is written, which its parser does not tell."""
    lines: dict[Place, int] = {}
    table: Place = ()
    statement, began = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            began = number
        statement += f"{line}\n"
        try:
            said = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        if statement.lstrip().startswith("["):
            table = max(_places(said), key=len)
            said = {}
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], began)
        for place in _places(said):
            lines.setdefault((*table, *place), began)
        statement = ""
    return lines


def _places(value: Any) -> Iterator[Place]:
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, dict):
        for key, below in inner.items():
            yield (key,)
            yield from ((key, *place) for place in _places(below))


def line_of(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of what it stands in."""
    known = (lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in lines)
    return next(known, 0)
