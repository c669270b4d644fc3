"""Convert the validation errors of pydantic to sentences about the timetable file, each with key and line."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from crawler.suggestions import suggestion

TABLES = ("[schedule.NAME]", "[alert.NAME]", "[metrics]", "[retention]")
# Tables without a name of their own.
_SINGLE = ("metrics", "retention")
# Names of keys whose value is probably a secret, written here by mistake.
SECRET_KEYS = ("password", "passwd", "token", "secret", "user", "username", "key", "api_key")
# Alias of the field with the name of a table; a bare key of TOML cannot have this form.
TABLE_NAME = "[NAME]"
#: The keys that lead to a value, outermost first.
Place = tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """Error in a timetable file; ``line`` is 0 if the error concerns the whole file."""

    line: int
    place: str
    message: str


def problems_of(error: ValidationError, text: str, models: Mapping[str, type[BaseModel]]) -> Iterator[Problem]:
    """Yield an error with its line in the timetable file for each validation error of pydantic.

    Messages do not contain values of the file, because a secret may have been written under a wrong key.

    :param text: TOML text of the file, in which the lines are looked up
    :param models: pydantic model of each kind of table and of each kind of alert target
    """
    lines = lines_of(text)
    for detail in error.errors(include_input=False):
        location = [str(part) for part in detail["loc"] if part != "[key]"]
        # pydantic inserts the kind of a target between its name and its keys.
        place = [*location[:2], *location[3:]] if location[0] == "alert" else [*location]
        kind = location[0] if location[0] in _SINGLE or place[2:3] == location[2:] else location[2]
        if detail["type"] == "missing" and len(place) > 1:
            place.pop()
        yield Problem(_line_of(lines, place), _shown(place), _message(detail, location, models.get(kind)))


def _message(detail: Any, location: list[str], model: type[BaseModel] | None) -> str:
    type_, key = detail["type"], location[-1]
    if type_ == "value_error":
        return str(detail["ctx"]["error"])
    if type_ == "extra_forbidden" and location[0] == "alert" and key.lower() in SECRET_KEYS:
        return "a secret is never written here: set an environment variable and write its name (see `password_from`)"
    keys = {str(field.validation_alias or name): field for name, field in model.model_fields.items()} if model else {}
    if type_ == "extra_forbidden":
        known = [name for name in keys if name != TABLE_NAME] if len(location) > 1 else TABLES
        return f"there is no key {key!r} here; {suggestion(key, known)}"
    if type_ == "missing" and key in keys:
        return f"{key} is missing, such as: {key} = {(keys[key].examples or ['…'])[0]}"
    if type_ == "union_tag_not_found":
        return 'kind is missing, such as: kind = "webhook"'
    if type_ == "union_tag_invalid":
        return f"kind should be one of {detail['ctx']['expected_tags']}"
    if type_ in ("dict_type", "model_type", "model_attributes_type") or len(location) == 1:
        return f"should be a table; a timetable has {', '.join(TABLES)}"
    return str(detail["msg"]).replace("Input should", "should").replace("tuple", "list")


def lines_of(text: str) -> dict[Place, int]:
    """Return the line number of each key in a valid TOML text; `tomllib` does not provide line numbers.

    A key is given as a tuple, such as `("schedule", "night", "cron")`.
    """
    lines: dict[Place, int] = {}
    table: Place = ()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            start = number
        statement += f"{line}\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # the statement continues in the next line
        if statement.lstrip().startswith("["):
            table = max(_places(parsed), key=len)
            parsed = {}
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], start)
        for place in _places(parsed):
            lines.setdefault((*table, *place), start)
        statement = ""
    return lines


def _places(value: Any) -> Iterator[Place]:
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, dict):
        for key, below in inner.items():
            yield (key,)
            yield from ((key, *place) for place in _places(below))


def _line_of(lines: Mapping[Place, int], place: list[str]) -> int:
    """Return the line number of a key, or of the innermost table around it whose line is known; 0 if none is known."""
    known = (lines.get(tuple(place[:length])) for length in range(len(place), 0, -1))
    return next(filter(None, known), 0)


def _shown(place: list[str]) -> str:
    length = 1 if place[0] in _SINGLE else 2
    return " ".join([f"[{'.'.join(place[:length])}]", *filter(None, [".".join(place[length:])])])


def check_lists(sites: Sequence[str], names: Sequence[str]) -> None:
    """Raise ValueError if a site has no ranked list of one of these names; a site whose file has an error has any."""
    for site, name in product(sites, names):
        from crawler.registry import newspapers  # takes a second, which few timetables need

        spider = newspapers().get(site)
        if spider and name not in (known := spider.list_names()):
            raise ValueError(f"{site} has no list {name!r}; {suggestion(name, known)}")
