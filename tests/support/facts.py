"""Recordings as flat facts, and the differences between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.digests import keys_of
from tests.support.rename_map import REMOVED, REWORDED, Name, Renames

Facts = dict[Name, Any]
# Values of JSON that depend on the speed of the machine, though they agree in most recordings.
_BY_SPEED = {"bytes", "minutes", "log_count/INFO"}


def facts_of(record: dict[str, Any], renames: Renames) -> Facts:
    """Return every recorded fact by its path, in the new names; values that get one name are added up."""
    facts: Facts = {}
    for path, value in _facts(record, renames):
        if REMOVED in path or REWORDED in path:
            continue
        facts[path] = facts[path] + value if path in facts and path[-2] == "values" else value
    return facts


def _facts(record: dict[str, Any], renames: Renames) -> Iterator[tuple[Name, Any]]:
    for folder, tables in record["tables"].items():
        for table, found in tables.items():
            new = ("table", folder, renames.name("table", table))
            yield (*new, "rows"), found["rows"]
            yield (*new, "files"), found["files"]
            for column, digest in found["columns"].items():
                yield from _column(new, table, column, digest, renames)
    for folder, report in record["reports"].items():
        yield from _document(("reports", folder), report, renames)
    for folder, files in record["files"].items():
        for name, count in files.items():
            yield ("file", folder, renames.file(name)), count
    for program, code in record["exits"].items():
        yield ("exit", program), code
    for line, outcome in record["commands"].items():
        yield from _command(line, outcome, renames)


def _column(at: Name, table: str, column: str, digest: dict[str, Any], renames: Renames) -> Iterator[tuple[Name, Any]]:
    new = renames.name("column", column, table)
    reworded = new == REWORDED
    at = (*at, column if reworded else new)
    yield (*at, "type"), digest["type"]
    yield (*at, "nulls"), digest["nulls"]
    if reworded:
        return
    if "distinct" in digest:
        yield (*at, "distinct"), digest["distinct"]
    if "json" in digest:
        inner = _document((), digest["json"], renames)  # their root is the old name of the column
        yield from (((*at, "json", *path[1:]), value) for path, value in inner)
    else:
        yield from _values(at, digest["values"], table, column, renames)


def _values(at: Name, values: dict[str, Any], table: str, column: str, renames: Renames) -> Iterator[tuple[Name, Any]]:
    for name in ("hash", "distinct"):
        if name in values:
            yield (*at, name), values[name]
    for old, count in values.get("counts", {}).items():
        yield (*at, "values", renames.value(table, column, old)), count


def _document(at: Name, document: dict[str, Any], renames: Renames) -> Iterator[tuple[Name, Any]]:
    for pointed, leaf in document.items():
        old = keys_of(pointed)
        if not (new := renames.keys(old)):
            continue
        yield (*at, *new, "present"), True
        if new[-1] != REWORDED and old[-1] not in _BY_SPEED:
            yield from _values((*at, *new), leaf, old[0], old[-1], renames)


def _command(line: str, outcome: dict[str, Any], renames: Renames) -> Iterator[tuple[Name, Any]]:
    words = line.split(" ")
    if renames.arguments(words) is None:
        return
    at = ("command", line)
    for name in ("exit", "traceback", "stdout", "stderr"):
        yield (*at, name), outcome[name]
    for option in outcome.get("options", ()):
        yield (*at, "option", renames.name("option", option, words[1])), True
    for command in outcome.get("commands", ()):
        yield (*at, "lists", renames.name("command", command)), True
    for text in outcome.get("lines", ()):
        yield (*at, "prints", renames.name("mode", text)), True
    for name in outcome.get("files", ()):
        yield (*at, "writes", renames.file(name)), True
    for name in ("json", "cards"):
        yield from _document((*at, name), outcome.get(name, {}), renames)


# Differences ---------------------------------------------------------------------------------------------------------


def _prefixes(facts: Facts) -> set[Name]:
    return {path[:end] for path in facts for end in range(len(path) + 1)}


@dataclass
class Comparison:
    """The facts of before and after a change, and those of further recordings from before it."""

    before: Facts
    after: Facts
    repeats: list[Facts]
    renames: Renames

    def __post_init__(self) -> None:
        self._changing: set[Name] = set()
        self._unstable: set[Name] = set()
        mine = _prefixes(self.before)
        self._in_both = mine & _prefixes(self.after)
        for repeat in self.repeats:
            theirs = _prefixes(repeat)
            self._changing |= {path for path in self.before.keys() & repeat.keys() if self.before[path] != repeat[path]}
            self._unstable |= {path[:-1] for path in mine ^ theirs if path[:-1] in mine & theirs}

    def is_volatile(self, path: Name) -> bool:
        """Report if a fact, or the set of names that it belongs to, differs among the recordings from before."""
        if path in self._changing or (path[-2] == "values" and path[:-1] in self._unstable):
            return True
        missing = next((end for end in range(1, len(path) + 1) if path[:end] not in self._in_both), None)
        return missing is not None and path[: missing - 1] in self._unstable

    def differences(self) -> list[str]:
        """Return each difference in one line."""
        lines = []
        for path in sorted(self.before.keys() | self.after.keys()):
            if self.before.get(path) == self.after.get(path) or self.is_volatile(path):
                continue
            if path not in self.before and self.renames.is_new(path):
                continue
            before, after = (str(facts.get(path, "absent")) for facts in (self.before, self.after))
            lines.append(f"{' · '.join(path)}: {before} before, {after} after".replace("\n", " "))
        return lines

    def columns(self) -> dict[str, str]:
        """Return the manner in which each column is compared.

        `values`: whole; `part`: some of its values vary; `distinct`, `type and nulls`: only these are stable.
        """
        facts: dict[Name, list[Name]] = {}
        for path in self.before:
            if path[0] == "table" and len(path) > 4:
                facts.setdefault(path[:4], []).append(path)
        return {"/".join(column[1:]): self._manner(paths) for column, paths in facts.items()}

    def _manner(self, paths: list[Name]) -> str:
        values = [path for path in paths if path[4] not in ("type", "nulls", "distinct")]
        volatile = sum(self.is_volatile(path) for path in values)
        distinct = any(path[4] == "distinct" and not self.is_volatile(path) for path in paths)
        if not volatile:
            return "values"
        if volatile < len(values):
            return "part"
        return "distinct" if distinct else "type and nulls"
