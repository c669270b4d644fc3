"""Hostile strings for compiled patterns: each repetition of a pattern pumped up to a length, with and without an end.

Run as a program: the arguments are a seed, the variants of each repetition and optionally names of patterns. It prints
the names of the patterns that exceed `CPU_SECONDS` on the strings of one pattern.
"""

import importlib
import os
import pkgutil
import random
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

import regex

CPU_SECONDS = 10
SIZES = (1_000, 10_000, 100_000)
PACKAGES = ("crawler", "pipelines", "schedules")
# Read from one attribute to the next with `match`; a search would begin in every run of spaces again.
MATCH_ONLY = ("crawler.decoding.attribute_limit._ATTRIBUTE",)
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_BREAKERS = ("", "!", "\0", "<", "ক")
_ANY = "aZ0 \n\t<>-/.:=\"'&;,ক১া’"


def compiled_patterns() -> dict[str, Any]:
    """Return all compiled patterns of the product by dotted name, also those in classes, containers and dataclasses."""
    patterns: dict[str, Any] = {}

    def collect(name: str, value: Any, depth: int = 0) -> None:
        if isinstance(value, re.Pattern | regex.Pattern):
            patterns.setdefault(name, value)
        elif depth > 4:
            return
        elif isinstance(value, tuple | list):
            for index, member in enumerate(value):
                collect(f"{name}[{index}]", member, depth + 1)
        elif isinstance(value, dict):
            for key, member in value.items():
                collect(f"{name}[{key!r}]", member, depth + 1)
        elif isinstance(value, type) and value.__module__.startswith(PACKAGES):
            for key, member in vars(value).items():
                if not isinstance(member, type):
                    collect(f"{name}.{key}", member, depth + 1)
        elif is_dataclass(value) and type(value).__module__.startswith(PACKAGES):
            for field in fields(value):
                collect(f"{name}.{field.name}", getattr(value, field.name, None), depth + 1)

    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for key, value in [*vars(importlib.import_module(module.name)).items()]:
                if not key.startswith("__"):
                    collect(f"{module.name}.{key}", value)
    unique = {(pattern.pattern, pattern.flags): name for name, pattern in reversed(patterns.items())}
    return {name: patterns[name] for name in sorted(unique.values())}


def hostile_strings(pattern: Any, size: int, variants: int, generator: random.Random) -> Iterator[str | bytes]:
    source = pattern.pattern
    for properties, plain in ((r"\\p\{[LMN]\}", r"\\w"), (r"\\p\{P\}", ",.;"), (r"\\p\{[^}]*\}", "aক")):
        source = re.sub(properties, plain, source) if isinstance(source, str) else source
    tree = sre_parser.parse(source, pattern.flags & (re.IGNORECASE | re.VERBOSE | re.DOTALL | re.ASCII | re.MULTILINE))
    for target in [None, *_repeats(tree)]:
        for variant in range(variants):
            grow = _Generator(generator, target, size, goes_on=variant % 2 == 1)
            text = grow.text(tree)
            if target is None:  # the whole pattern again and again
                text = (text or " ") * (size // max(len(text), 1))
            text = text[: size + 200] + generator.choice(_BREAKERS)
            yield text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text


def _repeats(tree: Iterable[Any]) -> list[Any]:
    return [node for node in _nodes(tree) if node[0] in _REPEATS and node[1][1] > 20]


def _nodes(tree: Iterable[Any]) -> Iterator[Any]:
    for node in tree:
        yield node
        for part in _parts(node):
            yield from _nodes(part)


def _parts(node: Any) -> list[Any]:
    operation, value = node
    if operation in _REPEATS:
        return [value[2]]
    if operation is sre.SUBPATTERN:
        return [value[3]]
    if operation is sre.BRANCH:
        return list(value[1])
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if operation is sre.GROUPREF_EXISTS:
        return [part for part in value[1:] if part]
    return [value] if operation is sre.ATOMIC_GROUP else []


class _Generator:
    """Texts that a pattern may match, with one of its repetitions as long as `size`."""

    def __init__(self, generator: random.Random, target: Any, size: int, *, goes_on: bool) -> None:
        self._random, self._target, self._size, self._goes_on = generator, target, size, goes_on
        self._groups: dict[int, str] = {}
        self._ended = False

    def text(self, tree: Iterable[Any]) -> str:
        return "".join(self._node(node) for node in tree)

    def _node(self, node: Any) -> str:
        operation, value = node
        if self._ended:
            return ""
        if operation in _REPEATS:
            return self._repeat(node)
        if operation is sre.LITERAL:
            return chr(value)
        if operation is sre.NOT_LITERAL:
            return self._random.choice([letter for letter in _ANY if ord(letter) != value])
        if operation is sre.ANY:
            return self._random.choice(_ANY)
        if operation is sre.IN:
            return self._member(value)
        if operation is sre.GROUPREF:
            return self._groups.get(value, "")
        if operation is sre.SUBPATTERN:
            self._groups[value[0]] = text = self.text(value[3])
            return text
        if parts := _parts(node):
            leading = [part for part in parts if any(inner is self._target for inner in _nodes(part))]
            if operation in (sre.ASSERT, sre.ASSERT_NOT) and not leading:
                return ""
            return self.text(self._random.choice(leading or parts))
        return ""

    def _repeat(self, node: Any) -> str:
        low, high, body = node[1]
        if node is self._target:
            pieces = [self.text(body) for _ in range(self._random.choice((1, 1, 2)))]
            text = "".join(pieces) or " "
            self._ended = not self._goes_on
            return text * max(1, min(self._size // len(text), int(high)))
        fewest = low or any(inner is self._target for inner in _nodes(body))
        return "".join(
            self.text(body) for _ in range(self._random.randint(int(fewest), min(int(high), int(fewest) + 2)))
        )

    def _member(self, members: list[Any]) -> str:
        pattern = regex_of(members)
        letters = [letter for letter in _ANY if pattern(letter)]
        letters += [
            chr(value) for operation, value in members if operation is sre.LITERAL and members[0][0] is not sre.NEGATE
        ]
        letters += [
            chr(value[0]) for operation, value in members if operation is sre.RANGE and members[0][0] is not sre.NEGATE
        ]
        return self._random.choice(letters or ["a"])


def regex_of(members: list[Any]) -> Any:
    """Return a function that reports if a set of the parsed pattern contains a character."""
    categories = {
        sre.CATEGORY_DIGIT: str.isdigit,
        sre.CATEGORY_SPACE: str.isspace,
        sre.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
        sre.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdigit(),
        sre.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
        sre.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
    }

    def contains(letter: str) -> bool:
        found = any(
            (operation is sre.LITERAL and chr(value) == letter)
            or (operation is sre.RANGE and value[0] <= ord(letter) <= value[1])
            or (operation is sre.CATEGORY and categories[value](letter))
            for operation, value in members
        )
        return found != (members[0][0] is sre.NEGATE)

    return contains


def slow_patterns(patterns: dict[str, Any], seed: int, variants: int, cpu_seconds: int = CPU_SECONDS) -> list[str]:
    """Return the patterns that exceed the CPU limit; each runs in a child process of its own."""
    slow = []
    for name, pattern in patterns.items():
        if not (pid := os.fork()):
            try:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
                _run(pattern, random.Random(f"{seed} {name}"), variants, searched=name not in MATCH_ONLY)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        if status:
            slow.append(f"{name} ({status})")
    return slow


def _run(pattern: Any, generator: random.Random, variants: int, *, searched: bool) -> None:
    for size in SIZES:
        for text in hostile_strings(pattern, size, variants, generator):
            pattern.match(text)
            pattern.fullmatch(text)
            for _ in pattern.finditer(text) if searched else ():
                pass


if __name__ == "__main__":
    every = compiled_patterns()
    chosen = {name: every[name] for name in sys.argv[3:] or every}
    print("\n".join(slow_patterns(chosen, int(sys.argv[1]), int(sys.argv[2]))))
