"""Text of a site file: Python source whose lines say in a comment what they were taken from."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from crawler.safe_text import one_line

_WIDTH = 118
TO_DO = "TO DO:"


@dataclass
class SiteFile:
    """A site file that is being written.

    Texts of a site reach the file only through :func:`literal` and as comments on one line, so that they cannot become
    code.

    :ivar header: text of the docstring
    :ivar imports: import lines
    :ivar before: lines between the imports and the class, such as a layout
    :ivar body: attributes of the class with their comments
    """

    header: str
    base: str
    class_name: str
    imports: set[str] = field(default_factory=set)
    before: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)

    def add(self, code: str, comment: str) -> None:
        """Add an attribute of the class, or with an empty ``code`` only a comment."""
        self.body += [*(f"    {line}" for line in comment_lines(comment, _WIDTH - 4))]
        self.body += [f"    {line}" for line in code.splitlines()]

    def to_do(self, comment: str) -> None:
        self.add("", f"{TO_DO} {comment}")

    @property
    def text(self) -> str:
        standard = sorted(each for each in self.imports if not each.startswith("from crawler"))
        own = sorted(self.imports - {*standard}, key=lambda each: (each.split()[1], each))
        header = [*wrap(_docstring(self.header), _WIDTH)]
        closed = [f'"""{header[0]}"""'] if len(header) == 1 else [f'"""{header[0]}', *header[1:], '"""']
        lines = [*closed, "", *sorted(standard, key=lambda each: each.startswith("from"))]
        lines += ["", *own, ""]
        if self.before:
            lines += [*self.before, ""]
        return "\n".join([*lines, "", f"class {self.class_name}({self.base}):", *self.body]) + "\n"

    @property
    def open_points(self) -> list[str]:
        """Comments that tell a person what to do."""
        text = re.sub(r"\n\s*# {2,}", " ", self.text)
        return [line.partition(TO_DO)[2].strip() for line in text.splitlines() if TO_DO in line]


def comment_lines(comment: str, width: int = _WIDTH) -> Iterator[str]:
    for number, line in enumerate(wrap(one_line(comment, 600), width - 4)):
        yield f"# {'  ' if number else ''}{line}"


def literal(text: str) -> str:
    """Return a Python literal of a text of the site."""
    value = repr(text)
    return f'"{value[1:-1]}"' if value[0] == "'" and '"' not in value and "\\'" not in value else value


def pattern_literal(pattern: str) -> str:
    return f'r"{pattern}"' if '"' not in pattern else repr(pattern)


def tuple_literal(texts: Sequence[str]) -> str:
    return f"({', '.join(map(literal, texts))}{',' if len(texts) == 1 else ''})"


def call(name: str, arguments: Iterable[str], indent: int = 4) -> str:
    """Return a call on one line, or with an argument per line if it is too long."""
    given = [*arguments]
    line = f"{name}({', '.join(given)})"
    if len(line) + indent <= _WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in given) + ")"


def _docstring(text: str) -> str:
    return one_line(text, 1000).replace("\\", "/").replace('"', "'")
