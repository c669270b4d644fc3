"""Suggestions for a misspelt name, such as ``did you mean 'kalbela'?``."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: object, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known name that is most similar to ``name``, or None if none is similar enough."""
    return next(iter(get_close_matches(str(name), list(known), n=1, cutoff=cutoff)), None)


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'kalbela'?``, or a list of the known names if none is similar."""
    if (near := closest(name, known := list(known))) is not None:
        return f"did you mean {near!r}?"
    return f"there are: {', '.join(known)}" if known else "there is nothing yet"
