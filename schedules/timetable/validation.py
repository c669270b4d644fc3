"""Values: how one value of a timetable is read, and what is said of it where it is wrong."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

#: Where below a key something is wrong, and a sentence.
Problem = tuple[tuple[str, ...], str]


class ValueWrong(ValueError):
    """A value cannot be what stands there; ``problems`` say where and why."""

    def __init__(self, *problems: str | Problem) -> None:
        super().__init__(problems)
        self.problems: list[Problem] = [((), each) if isinstance(each, str) else each for each in problems]


@dataclass(frozen=True)
class Field:
    """A key of a table: how its value is read (raises :class:`ValueWrong`), and one as an example."""

    read: Callable[[Any], Any]
    example: str
    required: bool = True


def read_field(fields: Mapping[str, Field], key: str, value: Any) -> tuple[Any, list[Problem]]:
    """A value as it is kept, and what is wrong with it."""
    try:
        return fields[key].read(value), []
    except ValueWrong as error:
        return None, error.problems


def nearest(name: str, known: Sequence[str]) -> str:
    """What to write instead of a name that is none."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"


def text(value: Any) -> str:
    """A text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueWrong(f"{value!r} is no text")
    return value.strip()


def sentence(value: Any) -> str:
    """A text in one line."""
    return " ".join(text(value).split())


def one_of(known: tuple[str, ...]) -> Callable[[Any], str]:
    """One of a few words."""

    def read(value: Any) -> str:
        if value not in known:
            raise ValueWrong(f"{value!r} is none; {nearest(str(value), known)}")
        return str(value)

    return read


def number(low: float, high: float, *, whole: bool = False) -> Callable[[Any], Any]:
    """A number between two others, these included."""
    kinds, name = (int, "whole number") if whole else (int | float, "number")

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueWrong(f"{value!r} is no {name}: write one from {low:g} to {high:g}")
        if not low <= value <= high:
            clamped = high if value > high else low
            raise ValueWrong(f"{value} is not between {low:g} and {high:g}: the nearest is {clamped:g}")
        return value

    return read


def names(value: Any) -> tuple[str, ...]:
    """A list of texts, each once."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueWrong(f"{value!r} is no list of names: write {[str(value)]!r}")
    return tuple(dict.fromkeys(value))


def truth(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueWrong(f"{value!r} is neither: write true or false")
    return value


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
