"""The rename map `docs/renames.md`: from the names before a change to the names after it.

A name may be qualified: a column or a value of it by its table (`fetches.kind`, `aliases.kind.copy` for a `value`), an
option by its command (`ranks --most`), a JSON key by the end of its path (`report.stories.copies`, whose root is
`report`, `card`, `TABLE.COLUMN` or the command). A last `*` stands for any ending, `.suffix` for a state file's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KINDS = (
    *("column", "outcome", "reason", "stat", "key", "setting", "option", "command", "mode", "state-file", "table"),
    "value",
)
REMOVED, NEW, REWORDED = "(removed)", "(new)", "(reworded)"
_ROW = re.compile(r"^\|\s*(?P<kind>[\w-]+)\s*\|\s*(?P<old>[^|]+?)\s*\|\s*(?P<new>[^|]+?)\s*\|")
# Names that stand as keys of JSON maps, in the order in which they are tried.
_KEY_KINDS = ("key", "column", "stat", "outcome", "reason", "mode", "table", "setting", "option", "command")

Name = tuple[str, ...]


class RenamesFaulty(ValueError):
    """A row of the rename map that cannot be applied."""


@dataclass
class Renames:
    """Old names and their new ones, by kind; an empty map leaves every name as it is."""

    new_by_old: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    added: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, path: Path) -> "Renames":
        """Read the Markdown tables of a file; a missing file is an empty map."""
        renames = cls()
        for number, line in enumerate(path.read_text().splitlines() if path.is_file() else (), 1):
            if (row := _ROW.match(line)) and not (row["kind"] == "kind" or set(row["kind"]) == {"-"}):
                kind, old, new = row["kind"], row["old"].strip("`"), row["new"].strip("`")
                if kind not in KINDS:
                    raise RenamesFaulty(f"{path}:{number}: {kind!r} must be one of {', '.join(KINDS)}")
                if old == NEW:
                    renames.added[kind].add(new)
                elif renames.new_by_old[kind].setdefault(old, new) != new:
                    raise RenamesFaulty(f"{path}:{number}: {kind} {old!r} has two new names")
        return renames

    def name(self, kind: str, old: str, *qualifiers: str) -> str:
        """Return the new name; `qualifier.old` (`runs.kind`, `ranks --most`) takes precedence over `old`."""
        known = self.new_by_old[kind]
        for full in (*(f"{qualifier}{mark}{old}" for qualifier in qualifiers for mark in (".", " ")), old):
            if full in known:
                new = known[full]
                return new if new in (REMOVED, REWORDED) else re.split("[. ]", new)[-1] if full != old else new
        for pattern, new in known.items():
            if pattern.endswith("*") and old.startswith(pattern[:-1]):
                return new if new == REMOVED else new.removesuffix("*") + old[len(pattern) - 1 :]
        return old

    def value(self, table: str, column: str, old: str) -> str:
        """Return the new form of a value of a column, both named as before."""
        for name in (f"{table}.{column}.{old}", f"{column}.{old}"):
            if name in self.new_by_old["value"]:
                return self.new_by_old["value"][name].removeprefix(name.removesuffix(old))
        kind = {"outcome": "outcome", "reason": "reason", "mode": "mode", "kind": "mode"}.get(column)
        return self.name(kind, old) if kind else old

    def keys(self, path: Sequence[str]) -> Name:
        """Return the path of a JSON value with all of its keys renamed; empty if one of them was removed.

        The old name of a `key` may be the end of a path (`report.stories.copies`).
        """
        renamed: list[str] = []
        for end, segment in enumerate(path, 1):
            new = self._end_of_path(tuple(path[:end])) or (self._segment(segment) if end > 1 else segment)
            if new == REMOVED:
                return ()
            renamed.append(new)
        return tuple(renamed)

    def _end_of_path(self, path: Name) -> str | None:
        for start in range(len(path)):
            old = ".".join(path[start:])
            if new := self.new_by_old["key"].get(old):
                return new if new == REMOVED or start == len(path) - 1 else new.split(".")[-1]
        return None

    def _segment(self, old: str) -> str:
        for kind in _KEY_KINDS:
            if (new := self.name(kind, old)) != old:
                return new
        if "/" in old:
            return "/".join(map(self._part, old.split("/")))
        return old

    def _part(self, old: str) -> str:
        return next((new for kind in ("outcome", "reason", "mode") if (new := self.name(kind, old)) != old), old)

    def file(self, old: str) -> str:
        """Return the new name of a file of a data folder: by its path, its last part or its suffix."""
        folder, _, last = old.rpartition("/")
        parts = [self.name("table", part) for part in folder.split("/")] if folder else []
        for name, new in self.new_by_old["state-file"].items():
            if new == REMOVED and (old == name or last == name or old.endswith(name)):
                return REMOVED
            if old == name:
                return new
            if last == name or (name.startswith(".") and last.endswith(name)):
                return "/".join([*parts, last.removesuffix(name) + new])
            if name.endswith("/") and old.startswith(name):
                return new + old.removeprefix(name)
        stem, dot, suffix = last.partition(".")
        return "/".join([*parts, self.name("table", stem) + dot + suffix])

    def is_new(self, path: Iterable[str]) -> bool:
        """Report if a part of the path is the name of an addition."""
        whole = f".{'.'.join(path)}."
        return any(f".{name.replace(' ', '.')}." in whole for names in self.added.values() for name in names)

    def arguments(self, words: Sequence[str]) -> list[str] | None:
        """Return a command line in the new names, None if its command or one of its options was removed."""
        if words[0] != "khobor":
            return [self._setting(word, words[place]) for place, word in enumerate(words[1:])]
        command = words[1] if len(words) > 1 else ""
        found: list[str] = []
        for place, word in enumerate(words[1:], 1):
            before = words[place - 1]
            if place == 1 and not word.startswith("-"):
                new = self.name("command", word)
            elif word.startswith("--"):
                new = self.name("option", word, command)
            elif before == "-s":
                new = self._setting(word, before)
            elif command == "query" or before in ("--table", "--columns"):
                new = re.sub(r"\w+(\.\w+)?", lambda match: self._in_sql(match[0]), word)
            else:
                new = word
            if new == REMOVED:
                return None
            found.append(new)
        return found

    def _setting(self, word: str, before: str) -> str:
        name, equals, value = word.partition("=")
        new = self.name("setting", name)
        if new == REMOVED:
            return REMOVED
        return new + equals + (self.name("mode", value) if before == "-s" else value)

    def _in_sql(self, word: str) -> str:
        table, dot, column = word.rpartition(".")
        if dot:
            return f"{self.name('table', table)}.{self.name('column', column, table)}"
        return self.name("table", word) if word in self.new_by_old["table"] else self.name("column", word)
