"""Sections of the newspaper: paths, Bengali names, beats and shares of the stories, from `sections.txt`."""

from dataclasses import dataclass
from typing import Final

from .vocabulary import lines_of


@dataclass(frozen=True)
class Section:
    """One section; `beat` is its subject, `weight` its share of a day's stories."""

    path: str
    name: str
    beat: str
    weight: int
    validators: bool = True
    printed: bool = False

    @property
    def parent(self) -> str:
        return self.path.partition("/")[0]


def _section(line: str) -> Section:
    path, name, beat, weight, *flags = (cell.strip() for cell in line.split("|"))
    return Section(path, name, beat, int(weight), "no validators" not in flags, "print" in flags)


_LINES: Final = lines_of("sections.txt")
SECTIONS: Final = {section.path: section for section in map(_section, _LINES["sections"])}
# Sections of the menu without stories.
EMPTY_SECTIONS: Final[dict[str, str]] = dict(line.split(" | ") for line in _LINES["empty"])


def within(section: str, path: str) -> bool:
    """Report if the listing at a path has the stories of a section (a parent lists those of its children)."""
    return section == path or section.startswith(f"{path}/")
