"""The fixed markup of the site, from `templates/`: one file per kind of fragment, with `$names` for what varies."""

from functools import cache
from pathlib import Path
from string import Template


def fragment(template: str, /, **values: object) -> str:
    """The template with its names filled in; it ends without a line break."""
    return _template(template).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template((Path(__file__).parent / "templates" / f"{name}.html").read_text("utf-8").rstrip("\n"))
